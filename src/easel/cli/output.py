"""What people see and what programs read. People: text on stderr, results on stdout. Programs: one JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from easel.cli.exit_codes import ExitCode
from easel.cli.text import clean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic import BaseModel
    from rich.console import Console

    from easel.errors import EaselError


_LEAST_LAST = 12
"""How far (characters) a table's last column gives way."""


class Progress(Protocol):
    """A bar that moves."""

    def advance(self, count: int) -> None:
        """So many bytes more."""

    def restart(self) -> None:
        """Everything again, from nothing."""


@dataclass(frozen=True, slots=True)
class _Silent:
    """No bar: the terminal is none."""

    def advance(self, count: int) -> None:
        """Says nothing."""

    def restart(self) -> None:
        """Says nothing."""


class Output:
    """Where a command speaks. With `as_json`, stdout holds one document and nothing else."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @cached_property
    def _err(self) -> Console:
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=True)

    @cached_property
    def _out(self) -> Console:
        from rich.console import Console

        return Console(highlight=False, soft_wrap=True)

    @property
    def interactive(self) -> bool:
        """Whether there is somebody to ask."""
        return not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, text: str, style: str | None = None) -> None:
        """What is being done, or what came of it, for people."""
        self._err.print(clean(text), style=style, markup=False)

    def warn(self, text: str) -> None:
        """Something to look at that stops nothing."""
        self._err.print(clean(f"Note: {text}"), style="yellow", markup=False)

    def done(self, text: str) -> None:
        """Something has worked."""
        self._err.print(clean(text), style="green", markup=False)

    def line(self, text: str, style: str | None = None) -> None:
        """A line of the result."""
        if not self.as_json:
            self._out.print(clean(text), style=style, markup=False)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """The result as a table; in a pipe it is never folded."""
        if self.as_json:
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in headings:
            # Ids and addresses stay whole, however narrow the terminal; the last column, a text of any length, gives
            # way.
            last = heading == headings[-1]
            widths = [len(heading), *(len(clean(row[headings.index(heading)])) for row in rows)]
            least = _LEAST_LAST if last else max(widths)
            table.add_column(heading, no_wrap=True, overflow="ellipsis" if last else "crop", min_width=least)
        for row in rows:
            table.add_row(*(Text(clean(cell)) for cell in row))
        widest = max((sum(len(cell) + 2 for cell in row) for row in rows), default=0)
        if self._out.is_terminal:
            least = max(self._out.width, sum(column.min_width or 0 for column in table.columns) + 2 * len(headings))
            self._out.print(table, width=least)
        else:
            Console(highlight=False, width=max(200, 2 * widest)).print(table)

    def document(self, value: BaseModel | DataclassInstance | dict[str, Any]) -> None:
        """The one JSON document of this command; nothing for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(_plain(value), ensure_ascii=False, indent=2) + "\n")
            sys.stdout.flush()

    def fail(self, error: EaselError, code: ExitCode, advice: str | None = None) -> None:
        """What went wrong: a sentence for people, what to do next, the contract's envelope and the exit code for
        programs."""
        from easel.cli.errors import ApiError

        self._err.print(clean(error.message), style="red", markup=False)
        if isinstance(error, ApiError) and advice:
            self._err.print(clean(advice), markup=False)
        if isinstance(error, ApiError):
            for line in _field_errors(error.answer.details):
                self._err.print(clean(f"  {line}"), style="red", markup=False)
            body = error.answer.model_dump(mode="json", exclude_none=True)
            status: int | None = error.http_status
        else:
            body = {"message": error.message, "type": error.type, "code": error.code, "details": error.details}
            status = None
        self.document({"success": False, "exit_code": int(code), "status": status, "error": body})

    def ask(self, question: str, default: str | None = None) -> str:
        """An answer from the person at the terminal."""
        import typer

        answer: str = typer.prompt(question, default=default, err=True)
        return answer

    def confirm(self, question: str) -> bool:
        """A yes or no from the person at the terminal; no is the default."""
        import typer

        return typer.confirm(question, err=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Progress]:
        """A bar over `total` bytes on a terminal, gone when it is done; silence elsewhere."""
        if self.as_json or not self._err.is_terminal:
            yield _Silent()
            return
        from rich import progress as bars

        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.DownloadColumn(),
            bars.TransferSpeedColumn(),
            bars.TimeRemainingColumn(),
        )
        with bars.Progress(*columns, console=self._err, transient=True) as shown:
            yield _Bar(shown, shown.add_task(what, total=total))

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """A sign of life on a terminal while something takes its time."""
        if self.as_json or not self._err.is_terminal:
            yield
            return
        with self._err.status(what):
            yield


class _Bar:
    """A bar on the terminal."""

    def __init__(self, shown: Any, task: Any) -> None:
        self._shown = shown
        self._task = task

    def advance(self, count: int) -> None:
        """So many bytes more."""
        self._shown.advance(self._task, count)

    def restart(self) -> None:
        """Everything again, from nothing."""
        self._shown.reset(self._task)


def _plain(value: BaseModel | DataclassInstance | dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return value
    if is_dataclass(value):
        return asdict(value)
    return value.model_dump(mode="json")


def _field_errors(details: dict[str, Any] | None) -> list[str]:
    """The fields that a 422 names, a line each."""
    errors = (details or {}).get("validation_errors")
    found = []
    for entry in errors if isinstance(errors, list) else []:
        if isinstance(entry, dict):
            place = ".".join(str(part) for part in entry.get("loc", ()) if part != "body")
            found.append(f"{place}: {entry.get('msg', '')}")
    return found
