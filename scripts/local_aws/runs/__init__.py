"""What goes on by itself once a service has started it: a build (`build`), a pipeline's execution
(`execution`, and `providers` for its actions), a function's invocation (`invocation`), an ECS
deployment (`rollout`, and `trouble` for what makes it fail). `stand_ins` are the programs that
builds and functions run, and `layers` what images are made of; `github` stands for GitHub.
"""
