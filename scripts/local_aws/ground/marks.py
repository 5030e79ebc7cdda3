"""Marks on requests that several parts of the local AWS know."""

#: In the user agent of the local AWS's own requests, which are not recorded.
OWN_USER_AGENT = "local-aws-call"
#: In the environ of a request: what runs after it, without the lock.
AFTER = "local_aws.after"
