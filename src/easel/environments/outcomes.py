"""The outcomes of the attempt to move an environment's pointer, shared by server and command line."""

from __future__ import annotations

from typing import Final, Literal

Outcome = Literal["moved", "unchanged", "locked", "overtaken"]

MOVED: Final = "moved"
UNCHANGED: Final = "unchanged"
"""The environment already served the requested version."""
LOCKED: Final = "locked"
OVERTAKEN: Final = "overtaken"
"""A request that was accepted later has already moved the environment's pointer."""
