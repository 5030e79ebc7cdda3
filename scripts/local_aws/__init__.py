"""The local AWS: moto as a server on loopback, made as strict as AWS where moto is easy.

`python -m local_aws` starts it; __main__.py tells how. server.py is the HTTP side, clock.py lets
states take a moment, and each file with the name of an AWS service adds its refusals and its
waiting to moto. What runs in the background has files of its own: rollout.py moves an ECS
service, build.py runs a build.
"""
