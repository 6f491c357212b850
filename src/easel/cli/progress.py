"""The progress of a transfer: reported by commands, independent of its drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """A progress bar that the caller advances."""

    def advance(self, count: int) -> None:
        """Adds `count` bytes to the progress."""

    def restart(self) -> None:
        """Sets the progress back to zero bytes, for another attempt of the transfer."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A progress bar that draws nothing, for use without a terminal."""

    def advance(self, count: int) -> None:
        """Draws nothing."""

    def restart(self) -> None:
        """Draws nothing."""
