"""The chain: all stages between a request to an app's host and its response, in order.

A request goes down the list until a stage answers it. The response goes back up through the stages that the request
passed. A new concern is a file in `stages/` and a line in `SERVING`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from easel.serving.models import Answer, File, FixedAnswer, Found, Request, Site
from easel.serving.stage import Need, Stage
from easel.serving.stages import (
    earlier,
    fallback,
    files,
    headers,
    methods,
    platform,
    redirects,
    rule_headers,
    runtime,
    workers,
)


class Decision(NamedTuple):
    """The chain's decision about a request, and the stages that the request passed, including the stage that answered
    it."""

    found: Found
    passed: PassedStages

    def is_lasting(self, site: Site, request: Request) -> bool:
        """Returns true if every request for this address gets this file while the site is live."""
        found = self.found
        if not isinstance(found, File) or found.varies or not (found.lasting and request.address.is_plain):
            return False
        return not any(varies(site, request) for varies in self.passed.varies)

    def is_lasting_redirect(self, site: Site, request: Request) -> bool:
        """Returns true if every request for this address without a query gets this redirect while the site is live."""
        found = self.found
        if not isinstance(found, FixedAnswer) or not found.lasting or "?" in request.target or not request.reads:
            return False
        # A redirect line depends on the address alone, so its redirect is lasting.
        others = (varies for varies in self.passed.varies if varies is not redirects.FIRST.varies)
        return request.address.is_plain and not any(varies(site, request) for varies in others)

    def finish(self, site: Site, request: Request, answer: Answer) -> Answer:
        """Returns the response after every passed stage has changed it."""
        for after in self.passed.after:
            answer = after(site, request, self.found, answer)
        return answer


class Undecided(NamedTuple):
    """A request that a stage (given by its index) cannot decide without live data."""

    need: Need
    number: int


class PassedStages:
    """The first stages of a chain: their changes to a response, in reverse order, and the request headers that their
    responses depend on."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        self.stages = tuple(stages)
        self.after = [stage.after for stage in reversed(self.stages) if stage.after is not None]
        self.varies = [stage.varies for stage in self.stages if stage.varies is not None]


class Chain:
    """Stages in order. The last stage answers every request."""

    def __init__(self, *stages: Stage) -> None:
        self.stages = stages
        self._asked = [
            (stage.before, PassedStages(stages[:number]))
            for number, stage in enumerate(stages, 1)
            if stage.before is not None
        ]

    def decide(self, site: Site, request: Request, start: int = 0) -> Decision | Undecided:
        """Returns the decision about the request, or the live data that the decision needs first. `start` is the number
        of the first stage to ask."""
        # A generator would take as long as half of the stages.
        number = start
        for before, passed in self._asked[start:]:
            found = before(site, request)
            if found is not None:
                return Undecided(found, number) if isinstance(found, Need) else Decision(found, passed)
            number += 1
        raise AssertionError("the last stage answers every request")

    def resume(self, undecided: Undecided, site: Site, request: Request, given: File | None) -> Decision | Undecided:
        """Continues the decision about an undecided request with the live data that it needed. `given` is a file, or
        None if there is no such file."""
        need, number = undecided
        found = need.then(given)
        if found is None:
            return self.decide(site, request, number + 1)
        return Undecided(found, number) if isinstance(found, Need) else Decision(found, self._asked[number][1])

    def decide_alone(self, site: Site, request: Request) -> Decision:
        """Returns the decision about the request without any live data, as if only this version existed."""
        decided = self.decide(site, request)
        while not isinstance(decided, Decision):
            decided = self.resume(decided, site, request, None)
        return decided


SERVING = Chain(
    headers.STAGE,
    platform.STAGE,
    # Access rules belong at this place.
    runtime.STAGE,
    rule_headers.STAGE,
    workers.STAGE,
    redirects.FIRST,
    # Paths of a proxy or of functions belong at this place.
    files.STAGE,
    earlier.STAGE,
    redirects.LAST,
    methods.STAGE,
    fallback.STAGE,
)
