"""Output for people and for programs. People get text on stderr and results on stdout. Programs get one JSON
document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click
import msgspec

from easel.cli.answers import Answer
from easel.cli.errors import ApiError, OutputUnwritableError
from easel.cli.exit_codes import ExitCode
from easel.cli.progress import Progress, Silent
from easel.cli.text import clean
from easel.errors import EaselError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Output:
    """The output of a command. With `as_json`, stdout holds one document and nothing else."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @property
    def interactive(self) -> bool:
        """Returns true if a user can answer questions."""
        return not self.as_json and _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    def say(self, text: str, style: str | None = None) -> None:
        """Prints progress or a result, for people."""
        _print(text, style, err=True)

    def warn(self, text: str) -> None:
        """Prints a warning. The command continues."""
        _print(f"Note: {text}", "yellow", err=True)

    def done(self, text: str) -> None:
        """Prints the text in the style of a success."""
        _print(text, "green", err=True)

    def line(self, text: str, style: str | None = None) -> None:
        """Prints one line of the command's result on stdout."""
        if not self.as_json:
            _print(text, style)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Prints the result as a table. In a pipe, lines are never folded."""
        if self.as_json:
            return
        # Importing the module that draws takes longer than running most commands.
        from easel.cli.drawing import draw_table

        with _writing():
            draw_table([clean(heading) for heading in headings], [[clean(cell) for cell in row] for row in rows])

    def document(self, value: Answer | DataclassInstance | dict[str, Any]) -> None:
        """Prints the command's only JSON document. Prints nothing if the output is for people."""
        if self.as_json:
            escaped = "utf" not in (getattr(sys.stdout, "encoding", None) or "")
            with _writing():
                click.echo(json.dumps(_plain(value), ensure_ascii=escaped, indent=2))

    def fail(self, error: EaselError, code: ExitCode, advice: str | None = None) -> None:
        """Reports an error. Prints a sentence and advice for people. With --json, prints the API's error object with
        the exit code for programs."""
        _print(error.message, "red", err=True)
        if isinstance(error, ApiError) and advice:
            _print(advice, err=True)
        if isinstance(error, ApiError):
            for line in _field_errors(error.answer.details):
                if line not in error.message:
                    _print(f"  {line}", "red", err=True)
            body = msgspec.to_builtins(error.answer)
            status: int | None = error.http_status
        else:
            body = {"message": error.message, "type": error.type, "code": error.code, "details": error.facts}
            status = None
        self.document({"success": False, "exit_code": int(code), "status": status, "error": body})

    def ask(self, question: str, default: str | None = None) -> str:
        """Returns the answer of the user at the terminal."""
        answer: str = click.prompt(question, default=default, err=True)
        return answer

    def confirm(self, question: str) -> bool:
        """Returns true if the user at the terminal answers yes. The default is no."""
        return click.confirm(question, err=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Progress]:
        """Yields a progress bar over `total` bytes on a terminal. The bar disappears when the work is done. Without a
        terminal, nothing is drawn."""
        if self.as_json or not _is_terminal(sys.stderr):
            yield Silent()
            return
        from easel.cli.drawing import bar

        with bar(what, total) as progress:
            yield progress

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Yields a spinner on a terminal during long work."""
        if self.as_json or not _is_terminal(sys.stderr):
            yield
            return
        from easel.cli.drawing import spinner

        with spinner(what):
            yield


def _is_terminal(stream: TextIO | None) -> bool:
    """Returns true if the stream is a terminal. A closed stream is None, and is not a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


@contextmanager
def _writing() -> Iterator[None]:
    """Turns a failure to write, as on a full disk, into an error with a message. A closed pipe is not a failure."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputUnwritableError(reason=error.strerror or str(error)) from error


def _print(text: str, style: str | None = None, *, err: bool = False) -> None:
    """Prints a line of text. The line is in colour on a terminal, or if NO_COLOR and FORCE_COLOR require it
    (no-color.org, force-color.org)."""
    words = (style or "").split()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    forced = True if os.environ.get("FORCE_COLOR") else None
    with _writing():
        click.secho(
            clean(text),
            err=err,
            color=False if plain else forced,
            fg=next((word for word in words if word not in ("bold", "dim")), None),
            bold="bold" in words or None,
            dim="dim" in words or None,
        )


def _plain(value: Answer | DataclassInstance | dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return value
    return asdict(value) if is_dataclass(value) else value.document


def _field_errors(details: dict[str, Any] | None) -> list[str]:
    """Returns one line for each invalid field in the details of a 422 response."""
    errors = (details or {}).get("validation_errors")
    found = []
    for entry in errors if isinstance(errors, list) else []:
        if isinstance(entry, dict):
            place = ".".join(str(part) for part in entry.get("loc", ()) if part != "body")
            found.append(f"{place}: {entry.get('msg', '')}")
    return found
