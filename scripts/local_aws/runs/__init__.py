"""What goes on by itself once a service has started it: a build (`build`), a pipeline's execution
(`execution`, and `providers` for its actions), a function's invocation (`invocation`), an ECS
deployment (`rollout`; `serving` runs its tasks, and `trouble` is what makes them fail). `stand_ins`
are the programs that builds and functions run, and `layers` what images are made of; `github` is
in the place of GitHub.
"""
