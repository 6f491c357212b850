"""The words for where a deploy is and how it ended, shared by server and command line."""

from __future__ import annotations

from typing import Final, Literal

Status = Literal["queued", "building", "complete", "failed"]
"""Where a deploy is, in this order; the last two are final."""

QUEUED: Final = "queued"
BUILDING: Final = "building"
COMPLETE: Final = "complete"
FAILED: Final = "failed"

UNFINISHED: Final = (QUEUED, BUILDING)
"""The statuses of a deploy that has not ended."""

FINAL: Final = (COMPLETE, FAILED)
"""The statuses of a deploy that has ended; none of them ever changes."""

Outcome = Literal["moved", "locked", "overtaken"]
"""What the pointer did for a recorded version: it moved, the environment was locked, or a newer request came first."""

MOVED: Final = "moved"
LOCKED: Final = "locked"
OVERTAKEN: Final = "overtaken"
