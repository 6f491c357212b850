"""Errors of environments: why a pointer does not move."""

from __future__ import annotations

from easel.errors import BadRequestError, ConflictError, NotFoundError


class EnvironmentNotFoundError(NotFoundError):
    """There is no environment {environment}; an app has `production` and `staging`."""

    code = "environment_not_found"


class EnvironmentLockedError(ConflictError):
    """The environment {environment} is locked by {locked_by}: {reason}. Unlock it first."""

    code = "environment_locked"


class NothingToPromoteError(BadRequestError):
    """There is nothing to promote: staging serves no version. Deploy to staging first."""

    code = "nothing_to_promote"
