"""The base classes of all errors that users can meet.

An error is a class. Its docstring is the message, with `{placeholders}` filled from `details`. `code` is for programs,
`status` is the HTTP status. The code of a rule raises the error when the rule is broken. An error becomes an HTTP
response, CLI text or a deploy's log line, each in one place.
"""

from __future__ import annotations

import inspect
import string
from typing import Any, ClassVar, Final

_WORDING: Final = frozenset(
    {"advice", "hint", "kind", "known", "looked", "named", "part", "problem", "reason", "said", "what", "why"}
)
"""Details that are pieces of the message's sentence, and mean nothing without it."""


class EaselError(Exception):
    """Easel could not complete the operation. Try again. If it fails again, look for the cause in the server's log."""

    status: ClassVar[int] = 500
    code: ClassVar[str | None] = None

    def __init__(self, **details: Any) -> None:
        self.details: dict[str, Any] = details
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Makes it possible to pass an error from one process to another."""
        return _again, (type(self), self.details)

    @property
    def type(self) -> str:
        """Returns the stable class name, which clients see as `error.type`."""
        return type(self).__name__

    @property
    def facts(self) -> dict[str, Any]:
        """Returns the details that a program can use: limits, counts, names and ids, without details that are only
        words of the message."""
        return {name: value for name, value in self.details.items() if name not in _WORDING}

    @property
    def message(self) -> str:
        """Returns the docstring's first paragraph with the details filled in."""
        text = inspect.cleandoc(type(self).__doc__ or "").split("\n\n")[0].replace("\n", " ")
        return _Lenient().vformat(text, (), self.details)


def _again(kind: type[EaselError], details: dict[str, Any]) -> EaselError:
    return kind(**details)


class _Lenient(string.Formatter):
    """Formats a message even if a placeholder has no value, because an error must never hide another error."""

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(key, f"{{{key}}}") if isinstance(key, str) else ""


class BadRequestError(EaselError):
    """The request is not valid. Correct it, and send it again."""

    status = 400
    code = "bad_request"


class NotFoundError(EaselError):
    """The resource does not exist. Check the address of the request."""

    status = 404
    code = "not_found"


class ConflictError(EaselError):
    """The request conflicts with the current state of the resource. Read the resource, and then decide whether to
    repeat the request."""

    status = 409
    code = "conflict"


class LimitReachedError(EaselError):
    """A limit is reached: {used} of {limit} are used.

    `details` contains the limit, the current usage and, if waiting helps, `retry_after_seconds`.
    """

    limit: ClassVar[str] = "other"
    """The limit's name in metrics and `GET /v1/limits`."""


class NotImplementedYetError(EaselError):
    """Easel does not support this operation of the API yet."""

    status = 501
    code = "not_implemented"


class ServiceUnavailableError(EaselError):
    """Easel cannot do this now, because {part} is unavailable. Nothing was changed. Try again in a moment."""

    status = 503
    code = "service_unavailable"
