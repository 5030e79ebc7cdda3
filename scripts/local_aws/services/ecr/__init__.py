"""ECR: `repositories` is its API, `registry` what docker and the like speak to (/v2/)."""

from . import repositories

__all__ = ["repositories"]
