"""CodePipeline as AWS does it: what a pipeline may look like, and executions that run.

A pipeline's role is one that CodePipeline can assume, and a description shows AWS's defaults.
Creating a pipeline starts an execution, updating does not; deleting it lets those that run go on
to their end (runs/execution.py). A push to the pretended GitHub starts the pipelines whose source
waits for it.

Simplified: there are no job workers, approvals, retries, rollbacks and disabled transitions. A
trigger's filters only narrow the pushes to the branch that its source action names.
"""

from . import executions, pipelines, pushes, state

__all__ = ["executions", "pipelines", "pushes", "state"]
