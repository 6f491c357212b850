"""The meaning of the exit codes of `easel`. Scripts may rely on them. docs/cli.md has the same table."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The outcome of a command."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    DENIED = 3
    NOT_FOUND = 4
    DEPLOY_FAILED = 5
    UNAVAILABLE = 6
    CONFLICT = 7
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.UNEXPECTED: "an unexpected error",
    ExitCode.USAGE: "wrong usage or input, such as an option, a folder, a message or a value that the server refuses",
    ExitCode.DENIED: "not signed in, or the key lacks the scope",
    ExitCode.NOT_FOUND: "no such app, version, deploy or key",
    ExitCode.DEPLOY_FAILED: "the deploy failed or was cancelled",
    ExitCode.UNAVAILABLE: "the server is unreachable, is too busy, or failed",
    ExitCode.CONFLICT: "a conflict: the environment is locked, or another change came first",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
}


def for_status(status: int) -> ExitCode:
    """Returns the exit code for an HTTP status that is an error."""
    if status in (401, 403):
        return ExitCode.DENIED
    if status == 404:
        return ExitCode.NOT_FOUND
    if status == 409:
        return ExitCode.CONFLICT
    if status == 429 or status >= 500:
        return ExitCode.UNAVAILABLE
    return ExitCode.USAGE


def epilog() -> str:
    """Returns the table of exit codes for `easel --help`. click does not wrap lines after a backspace character."""
    rows = [f"{code.value:>3}  {meaning}" for code, meaning in MEANINGS.items()]
    return "\n".join(["\b", "Exit codes:", *rows])
