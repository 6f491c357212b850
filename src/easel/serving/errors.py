"""Errors that visitors of an app's host can get."""

from __future__ import annotations

from easel.errors import EaselError, NotFoundError


class PathInvalidError(EaselError):
    """This address cannot be served: {reason}."""

    status = 400
    code = "path_invalid"


class PlatformPathError(NotFoundError):
    """There is nothing at this address. Addresses under `/{prefix}/` are reserved for the platform, and an app has only
    a few files there."""

    code = "platform_path"


class MethodNotAllowedError(EaselError):
    """The files of an app can be read only with GET and HEAD."""

    status = 405
    code = "method_not_allowed"
