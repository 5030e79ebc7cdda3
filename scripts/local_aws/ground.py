"""What the server and the services share: the lock, and how the local AWS knows its own requests."""

import threading

OWN_USER_AGENT = "local-aws-call"
AFTER = "local_aws.after"

#: Held while moto's objects are looked at or changed.
lock = threading.Lock()
