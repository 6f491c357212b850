"""The words for where a deploy is and how it ended, shared by server and command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from easel.environments.outcomes import LOCKED as LOCKED
from easel.environments.outcomes import MOVED as MOVED
from easel.environments.outcomes import OVERTAKEN as OVERTAKEN

Status = Literal["queued", "building", "complete", "failed"]
"""Where a deploy is, in this order; the last two are final."""

QUEUED: Final = "queued"
BUILDING: Final = "building"
COMPLETE: Final = "complete"
FAILED: Final = "failed"

UNFINISHED: Final = (QUEUED, BUILDING)
"""The statuses of a deploy that has not ended; `states.sql` says the same to the database."""

FINAL: Final = (COMPLETE, FAILED)
"""The statuses of a deploy that has ended; none of them ever changes."""

Outcome = Literal["moved", "locked", "overtaken"]
"""What the pointer did for a recorded version: it moved, the environment was locked, or a newer request came first."""

_STEPS: Final = (QUEUED, "pin", "inspect", "ingest", "record", "smoke_test", "activate")


def in_order(timings: Mapping[str, int]) -> dict[str, int]:
    """How long each step took (ms), in the order in which the steps follow each other; the database sorts by length."""
    places = {step: place for place, step in enumerate(_STEPS)}
    return dict(sorted(timings.items(), key=lambda step: (places.get(step[0], len(places)), step[0])))
