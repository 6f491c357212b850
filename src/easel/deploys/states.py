"""The statuses and outcomes of a deploy, shared by server and command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from easel.environments.outcomes import LOCKED as LOCKED
from easel.environments.outcomes import MOVED as MOVED
from easel.environments.outcomes import OVERTAKEN as OVERTAKEN

Status = Literal["queued", "building", "complete", "failed"]
"""The statuses of a deploy, in this order. The last two states are final."""

QUEUED: Final = "queued"
BUILDING: Final = "building"
COMPLETE: Final = "complete"
FAILED: Final = "failed"

UNFINISHED: Final = (QUEUED, BUILDING)
"""The statuses of an unfinished deploy. `states.sql` contains the same statuses for the database."""

FINAL: Final = (COMPLETE, FAILED)
"""The statuses of a finished deploy. They never change."""

Outcome = Literal["moved", "locked", "overtaken"]
"""The result of the attempt to make a recorded version live: the pointer moved, the environment was locked, or a newer
request had been accepted."""

BUILD_QUEUED: Final = "build_queued"
BUILT: Final = "built"
"""The steps in which a deploy waits: for a builder (`BUILD_QUEUED`), and for a worker after its bundle is built
(`BUILT`)."""

BUILD_STEPS: Final = (BUILD_QUEUED, "prepare", "fetch", "unpack", "install", "build", "pack", "store")
"""The steps of a deploy without a bundle. In these steps, the deploy belongs to the builders."""
_STEPS: Final = (QUEUED, *BUILD_STEPS, "pin", "inspect", "ingest", "record", "smoke_test", "activate")


def in_order(timings: Mapping[str, int]) -> dict[str, int]:
    """Returns the durations of the steps (ms) in the order of the steps. This is necessary because the database sorts
    the steps by the length of their names."""
    places = {step: place for place, step in enumerate(_STEPS)}
    return dict(sorted(timings.items(), key=lambda step: (places.get(step[0], len(places)), step[0])))
