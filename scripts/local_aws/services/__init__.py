"""AWS's services, one module or package each, named as in boto3. Importing one changes moto: it
refuses what AWS refuses, and takes its time. They start runs; no run imports a service.
"""
