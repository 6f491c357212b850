"""Stamped responses: cached responses that lack only the request id, for short heads that repeat within a second.

The key is a complete head. Only a head to which the fast path has just responded gets a stamped response. The next
equal head then needs a single look-up: the head is not parsed, and its site and its prepared answer are not looked up.
"""

from __future__ import annotations

from typing import Final

from easel.edge import weights
from easel.edge.cache.mapped_body import MappedBody
from easel.edge.recorder import Repeats, Tally

DefaultHeaders = list[tuple[bytes, bytes]]

_MOST: Final = 1024
"""Maximum number of stamped responses. Because one second has no more, building them costs less than 0.3 % of a
processor."""
_NEVER: Final = -1
"""A value that no counter on the freshness page ever has."""


class StampedAnswer:
    """A cached response in two parts, before and after its request id, and its body if the body is written separately.

    `head` is the head of the request. The response is valid while the app's `slot` of the freshness page has the value
    `counter`, and while the server's default headers, which contain the date, are `defaults`. `repeats` counts how
    often the response is sent.
    """

    __slots__ = ("before", "body", "counter", "defaults", "head", "joined", "repeats", "slot", "tally")

    def __init__(
        self,
        head: bytes,
        before: bytes,
        joined: bytes,
        body: bytes | MappedBody | None,
        freshness: tuple[int, int],
        defaults: DefaultHeaders,
        tally: Tally,
        repeats: Repeats,
    ) -> None:
        """Stores the response. `freshness` is the app's slot of the freshness page, and the present counter in this
        slot."""
        self.head = head
        self.before, self.joined, self.body = before, joined, body
        self.slot, self.counter = freshness
        self.defaults = defaults
        self.tally, self.repeats = tally, repeats

    def evict(self) -> None:
        """Makes the response invalid, and frees its memory. Connections may still refer to it."""
        self.counter = _NEVER
        self.before = self.joined = b""
        self.body = None


class StampedAnswers:
    """The stamped responses of the current second, by request head. They contain bytes of prepared answers, so they
    must be cleared when a site or a prepared answer is evicted."""

    __slots__ = ("_defaults", "_texts", "by_head")

    def __init__(self) -> None:
        self.by_head: dict[bytes, StampedAnswer] = {}
        self._defaults: DefaultHeaders | None = None
        self._texts = 0

    @property
    def weight(self) -> int:
        """Returns the approximate memory of the stamped responses in bytes, without the memory of the prepared
        answers."""
        return weights.STAMPED * len(self.by_head) + self._texts

    def accepts(self, defaults: DefaultHeaders) -> bool:
        """Returns true if another response with these default headers can be cached. Evicts all responses first if they
        have other default headers, for example an older date."""
        if defaults is not self._defaults:
            self.clear()
            self._defaults = defaults
        return len(self.by_head) < _MOST

    def keep(self, stamped: StampedAnswer) -> None:
        """Caches a response in place of an earlier response to the same head."""
        earlier = self.by_head.get(stamped.head)
        if earlier is not None:
            self._texts -= len(earlier.head) + len(earlier.before)
            earlier.evict()
        self.by_head[stamped.head] = stamped
        self._texts += len(stamped.head) + len(stamped.before)

    def clear(self) -> None:
        """Evicts all stamped responses."""
        for stamped in self.by_head.values():
            stamped.tally.end_repeats()
            stamped.evict()
        self.by_head.clear()
        self._texts = 0
