"""The interface of a stage: a pure function for one concern of serving, and the live data that it can request from the
edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from easel.serving.models import Answer, File, Found, Request, Site


@dataclass(frozen=True, slots=True)
class EarlierFile:
    """A stage's request for the file at `path` from the newest earlier version in the same environment. The edge
    returns the file, or None if no version has it."""

    path: str


@dataclass(frozen=True, slots=True)
class Need:
    """A file that a stage needs before it can decide, and that only the edge can find (live data). `what` describes the
    file. The edge fetches the file, and passes it, or None, to `then`."""

    what: EarlierFile
    then: Callable[[File | None], Found | Need | None]


@dataclass(frozen=True, slots=True)
class Stage:
    """One concern of serving, such as redirects or headers.

    `before` returns the response to a request, or asks for a file that only the edge can find, or returns None to leave
    the decision to the next stage. `after` changes the response to a request that this stage passed or answered.
    `varies` returns true if a response depends on more than the address and `Accept-Encoding`. The fast path never
    sends such responses.
    """

    name: str
    before: Callable[[Site, Request], Found | Need | None] | None = None
    after: Callable[[Site, Request, Found, Answer], Answer] | None = None
    varies: Callable[[Site, Request], bool] | None = None
