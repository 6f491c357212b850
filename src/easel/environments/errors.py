"""Errors of environments: the reasons why the pointer of an environment does not move."""

from __future__ import annotations

from easel.errors import BadRequestError, ConflictError, NotFoundError


class EnvironmentNotFoundError(NotFoundError):
    """There is no environment {environment}. An app has the environments `production` and `staging`."""

    code = "environment_not_found"


class EnvironmentLockedError(ConflictError):
    """`{locked_by}` locked the environment {environment}. The reason is: {reason}. Unlock the environment first."""

    code = "environment_locked"


class NothingToPromoteError(BadRequestError):
    """There is nothing to promote, because staging does not serve a version. Deploy to staging first."""

    code = "nothing_to_promote"
