"""The outcomes of a move of a pointer, shared by server and command line."""

from __future__ import annotations

from typing import Final, Literal

Outcome = Literal["moved", "unchanged", "locked", "overtaken"]

MOVED: Final = "moved"
UNCHANGED: Final = "unchanged"
"""The environment already served that version."""
LOCKED: Final = "locked"
OVERTAKEN: Final = "overtaken"
"""The environment follows a request that was accepted later."""
