"""What a stage of the chain is: the rule of one concern, pure, with what it may ask of the edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from easel.serving.models import Answer, File, Found, Request, Site


@dataclass(frozen=True, slots=True)
class EarlierFile:
    """The file as the newest earlier version of the same environment has it. The edge gives the file, or None."""

    path: str


@dataclass(frozen=True, slots=True)
class Need:
    """Live data that a stage cannot decide without: `what` the edge looks up, and passes to `then`."""

    what: EarlierFile
    then: Callable[[File | None], Found | Need | None]


@dataclass(frozen=True, slots=True)
class Stage:
    """One concern of serving, in any of three ways.

    `before` answers a request, needs live data to decide, or gives None: the next stage decides. `after` changes the
    answer to a request that this stage answered or let through. `varies` says whether more than the address and
    `Accept-Encoding` decides about the answer to a request, which the fast path then never gives.
    """

    name: str
    before: Callable[[Site, Request], Found | Need | None] | None = None
    after: Callable[[Site, Request, Found, Answer], Answer] | None = None
    varies: Callable[[Site, Request], bool] | None = None
