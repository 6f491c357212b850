"""Draws on a terminal: tables, bars, a spinner. Only this module imports rich."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from rich import progress as bars
from rich.console import Console
from rich.table import Table
from rich.text import Text

from easel.cli.progress import Progress

_LEAST_LAST = 12
"""Minimum width (characters) of a table's last column."""


def draw_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draws a table on stdout. In a pipe, lines are never folded."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        # Ids and addresses are never truncated, however narrow the terminal is. Only the last column, a text of any
        # length, is truncated.
        last = index == len(headings) - 1
        least = _LEAST_LAST if last else max(len(heading), *(len(row[index]) for row in rows), 0)
        table.add_column(heading, no_wrap=True, overflow="ellipsis" if last else "crop", min_width=least)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if console.is_terminal:
        least = max(console.width, sum(column.min_width or 0 for column in table.columns) + 2 * len(headings))
        console.print(table, width=least)
    else:
        widest = max((sum(len(cell) + 2 for cell in row) for row in rows), default=0)
        Console(highlight=False, width=max(200, 2 * widest)).print(table)


@contextmanager
def bar(what: str, total: int) -> Iterator[Progress]:
    """Yields a progress bar on stderr for `total` bytes. The bar is erased when the work is done."""
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=_stderr(), transient=True) as shown:
        yield _Bar(shown, shown.add_task(what, total=total))


def spinner(what: str) -> AbstractContextManager[object]:
    """Returns a spinner on stderr. Lines that are printed while it runs appear above it."""
    return _stderr().status(what)


def _stderr() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


class _Bar:
    """A progress bar that is drawn on the terminal."""

    def __init__(self, shown: bars.Progress, task: bars.TaskID) -> None:
        self._shown = shown
        self._task = task

    def advance(self, count: int) -> None:
        """Adds `count` bytes to the progress."""
        self._shown.advance(self._task, count)

    def restart(self) -> None:
        """Sets the progress back to zero bytes, for another attempt of the transfer."""
        self._shown.reset(self._task)
