"""The local AWS: moto as a server on loopback, made as strict as AWS where moto is easy.

`python -m local_aws` starts it; __main__.py tells how. server.py is the HTTP side, clock.py lets
states take a moment, and each of ec2.py, elbv2.py, ecs.py, ecr.py, iam.py and logs.py adds the
refusals and the waiting of one AWS service to moto.
"""
