"""The chain: the ordered list of stages that turns a request to an app's host into a response.

A request goes down the list until a stage answers it. The response goes back up through the stages that the request
passed. To add a concern, add a file in `stages/` and a line in `SERVING`.
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
    """The chain's decision about a request (`found`), and the stages that the request passed. The stage that answered
    it is the last of them."""

    found: Found
    passed: PassedStages

    def is_lasting(self, site: Site, request: Request) -> bool:
        """Returns true if every request for this address gets the same file until the site changes."""
        found = self.found
        if not isinstance(found, File) or found.varies or not (found.lasting and request.address.is_plain):
            return False
        return not any(varies(site, request) for varies in self.passed.varies)

    def is_lasting_redirect(self, site: Site, request: Request) -> bool:
        """Returns true if every request for this address without a query gets the same redirect until the site
        changes."""
        found = self.found
        if not isinstance(found, FixedAnswer) or not found.lasting or "?" in request.target or not request.reads:
            return False
        # A redirect line depends on the address alone, so its redirect is lasting.
        others = (varies for varies in self.passed.varies if varies is not redirects.FIRST.varies)
        return request.address.is_plain and not any(varies(site, request) for varies in others)

    def finish(self, site: Site, request: Request, answer: Answer) -> Answer:
        """Returns the response after all passed stages have changed it, for example by adding headers."""
        for after in self.passed.after:
            answer = after(site, request, self.found, answer)
        return answer


class Undecided(NamedTuple):
    """A request about which a stage cannot decide without a file from the edge. `need` describes the file, and `number`
    is the stage's index."""

    need: Need
    number: int


class PassedStages:
    """The stages of a chain that a request has passed: their changes to a response, in reverse order, and the request
    headers on which their responses depend."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        self.stages = tuple(stages)
        self.after = [stage.after for stage in reversed(self.stages) if stage.after is not None]
        self.varies = [stage.varies for stage in self.stages if stage.varies is not None]


class Chain:
    """A list of stages in the order in which they get a request. The last stage answers every request."""

    def __init__(self, *stages: Stage) -> None:
        self.stages = stages
        self._asked = [
            (stage.before, PassedStages(stages[:number]))
            for number, stage in enumerate(stages, 1)
            if stage.before is not None
        ]

    def decide(self, site: Site, request: Request, start: int = 0) -> Decision | Undecided:
        """Asks the stages from number `start` on, until one decides about the request. Returns the decision. If a stage
        needs a file from the edge first, returns the description of this file."""
        # A generator would take as long as half of the stages.
        number = start
        for before, passed in self._asked[start:]:
            found = before(site, request)
            if found is not None:
                return Undecided(found, number) if isinstance(found, Need) else Decision(found, passed)
            number += 1
        raise AssertionError("the last stage answers every request")

    def resume(self, undecided: Undecided, site: Site, request: Request, given: File | None) -> Decision | Undecided:
        """Continues with a request for which a stage needed a file from the edge. `given` is this file, or None if the
        edge found no file. Returns the decision, or the description of another file that the stage needs."""
        need, number = undecided
        found = need.then(given)
        if found is None:
            return self.decide(site, request, number + 1)
        return Undecided(found, number) if isinstance(found, Need) else Decision(found, self._asked[number][1])

    def decide_alone(self, site: Site, request: Request) -> Decision:
        """Returns the decision about the request without any file from the edge, as if the app had only this
        version."""
        decided = self.decide(site, request)
        while not isinstance(decided, Decision):
            decided = self.resume(decided, site, request, None)
        return decided


SERVING = Chain(
    headers.STAGE,
    platform.STAGE,
    # A future stage that checks access belongs at this place.
    runtime.STAGE,
    rule_headers.STAGE,
    workers.STAGE,
    redirects.FIRST,
    # A future stage for the paths of a proxy or of functions belongs at this place.
    files.STAGE,
    earlier.STAGE,
    redirects.LAST,
    methods.STAGE,
    fallback.STAGE,
)
