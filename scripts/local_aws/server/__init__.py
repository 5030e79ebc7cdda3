"""The HTTP side: `http` keeps connections open, `application` is between them and moto, `recorder`
remembers the requests to AWS, and `endpoints` answers what is asked of the local AWS itself.
"""
