"""The local AWS: moto as a server on loopback, made as strict as AWS where moto is easy.

`python -m local_aws` starts it (__main__.py). Its rooms, each of which imports only those after it:
`server` is the HTTP side, `services` are AWS's, `runs` is what goes on in the background, and
`ground` is what all of them stand on.
"""
