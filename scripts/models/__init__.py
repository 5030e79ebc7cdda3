"""AWS's own models, as botocore ships them, held against what the tools really send.

`patterns` reads AWS's regular expressions, `wire` turns a recorded request back into the members of
its operation, `shapes` says what of that the model does not take, and `rights` which permissions a
request needs. scripts/check-calls puts them together.
"""
