"""Errors that visitors of an app's host can get."""

from __future__ import annotations

from easel.errors import EaselError, NotFoundError


class PathInvalidError(EaselError):
    """This address cannot be served: {reason}."""

    status = 400
    code = "path_invalid"


class PlatformPathError(NotFoundError):
    """There is nothing at this address: `/{prefix}/` belongs to the platform, and an app has only certain files
    there."""

    code = "platform_path"


class MethodNotAllowedError(EaselError):
    """An app's files can be read with GET and HEAD only."""

    status = 405
    code = "method_not_allowed"
