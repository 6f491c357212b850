"""Counts all responses of an edge process, on the fast path and on the slow path. Counting a response is a single
addition, because the fast path must not become slower."""

from __future__ import annotations

from typing import Final

from easel.rules.models import REDIRECTING

FAST: Final = "fast"
FULL: Final = "full"

_MOST_APPS = 1000
"""Maximum number of apps with a counter of their own. All other apps share one counter, so that the metrics stay
readable."""
OTHERS: Final = "others"


class Repeats:
    """Counts how often the fast path sends one response (`times`). When the counters of an app (`Tally`) are read, they
    include this count."""

    __slots__ = ("size", "status", "times")

    def __init__(self, status: int, size: int) -> None:
        self.status = status
        self.size = size
        self.times = 0


class Tally:
    """The counters of one app's responses: their number by path (fast, full) and status, and the number of sent bytes
    of their bodies.

    The fast path sends only the statuses 200 and 304 and redirects. It adds to the fields directly.
    """

    __slots__ = ("_repeats", "fast", "full", "single_sent")

    def __init__(self) -> None:
        self.fast = dict.fromkeys((200, 304, *REDIRECTING), 0)
        self.full: dict[int, int] = {}
        self.single_sent = 0
        """Number of sent bytes of bodies, without the bytes that a `Repeats` counts."""
        self._repeats: list[Repeats] = []

    def answered(self, status: int, sent: int) -> None:
        """Counts a response of the slow path. `sent` is the number of sent bytes of its body."""
        self.full[status] = self.full.get(status, 0) + 1
        self.single_sent += sent

    def repeats(self, status: int, size: int) -> Repeats:
        """Creates a counter for repeated responses with this status and this number of sent bytes. The counter counts
        until the next call of `end_repeats`."""
        made = Repeats(status, size)
        self._repeats.append(made)
        return made

    def end_repeats(self) -> None:
        """Adds the counts of all counters that `repeats` has created to this tally, and then drops these counters."""
        self._add_repeats()
        self._repeats.clear()

    def _add_repeats(self) -> None:
        for one in self._repeats:
            self.fast[one.status] += one.times
            self.single_sent += one.times * one.size
            one.times = 0

    @property
    def sent(self) -> int:
        """Returns the number of sent bytes of the app's response bodies."""
        self._add_repeats()
        return self.single_sent

    @property
    def answers(self) -> dict[tuple[str, int], int]:
        """Returns the number of the app's responses by path (fast, full) and status."""
        self._add_repeats()
        fast = {(FAST, status): count for status, count in self.fast.items() if count}
        return {**fast, **{(FULL, status): count for status, count in self.full.items()}}


class Recorder:
    """The counters of an edge process: a tally for each app, and counters that belong to no app."""

    def __init__(self) -> None:
        self.apps: dict[str, Tally] = {}
        self.no_app = Tally()
        """Counts the responses at addresses without an app."""
        self.earlier = 0
        self.unreadable = 0

    def of(self, app_id: str) -> Tally:
        """Returns the counters of the app. All apps above the limit share the same counters."""
        tally = self.apps.get(app_id)
        if tally is None:
            if len(self.apps) >= _MOST_APPS:
                app_id = OTHERS
            tally = self.apps.setdefault(app_id, Tally())
        return tally

    def answers(self) -> dict[tuple[str, int], int]:
        """Returns the number of responses of all apps by path (fast, full) and status."""
        total: dict[tuple[str, int], int] = {}
        for tally in (self.no_app, *self.apps.values()):
            for key, count in tally.answers.items():
                total[key] = total.get(key, 0) + count
        return total

    def on(self, path: str) -> int:
        """Returns the number of responses of all apps on one path (`fast` or `full`)."""
        return sum(count for (taken, _), count in self.answers().items() if taken == path)
