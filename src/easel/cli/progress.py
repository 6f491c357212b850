"""How far something has come: what commands tell, whatever is drawn of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """A bar that moves."""

    def advance(self, count: int) -> None:
        """So many bytes more."""

    def restart(self) -> None:
        """Everything again, from nothing."""


@dataclass(frozen=True, slots=True)
class Silent:
    """No bar: the terminal is none."""

    def advance(self, count: int) -> None:
        """Says nothing."""

    def restart(self) -> None:
        """Says nothing."""
