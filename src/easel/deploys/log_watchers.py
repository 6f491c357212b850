"""Live log streams: wakes the clients that follow a deploy when the database notifies about new log lines."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from easel.deploys.errors import TooManyLogStreamsError
from easel.storage.turns import retry_after


class Streams:
    """Counts the log streams that each organisation has open at this process, up to the limit `most`. A limit of 0
    means unlimited."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def used(self, organisation: str) -> int:
        """Returns the number of log streams that the organisation has open."""
        return self._open[organisation]

    @contextmanager
    def opened(self, organisation: str) -> Iterator[None]:
        """Counts one more open stream of the organisation for the duration of the block. Raises
        TooManyLogStreamsError."""
        if self._most and self._open[organisation] >= self._most:
            raise TooManyLogStreamsError(
                limit=self._most, used=self._open[organisation], retry_after_seconds=retry_after(5, 19), retryable=True
            )
        self._open[organisation] += 1
        try:
            yield
        finally:
            self._open[organisation] -= 1
            if not self._open[organisation]:
                del self._open[organisation]


class Followers:
    """The clients that follow the logs of deploys. `come` is called for each new client. `news` wakes the clients of a
    deploy."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.come: Callable[[], None] = lambda: None
        self.always = False
        """True if notifications are needed even while no client follows a deploy."""

    @property
    def any(self) -> bool:
        """Returns true if notifications are needed, because a client follows a deploy or `always` is set."""
        return self.always or bool(self._waiting)

    def news(self, deploy_id: str) -> None:
        """Wakes the clients that follow this deploy."""
        for event in self._waiting.get(deploy_id, ()):
            event.set()

    def news_of_all(self) -> None:
        """Wakes all clients. Call this after notifications were interrupted for a while, because any deploy may have
        new log lines."""
        for events in self._waiting.values():
            for event in events:
                event.set()

    def follow(self, deploy_id: str) -> Following:
        """Registers a client that follows this deploy, for the duration of a `with` block. In the block, `wait` returns
        at the next notification."""
        return Following(self, self._waiting, deploy_id)


class Following:
    """One client that follows the log of one deploy."""

    def __init__(self, followers: Followers, waiting: defaultdict[str, set[asyncio.Event]], deploy_id: str) -> None:
        self._followers = followers
        self._waiting = waiting
        self._deploy_id = deploy_id
        self._event = asyncio.Event()

    def __enter__(self) -> Following:
        self._waiting[self._deploy_id].add(self._event)
        self._followers.come()
        return self

    def __exit__(self, *_: object) -> None:
        followers = self._waiting[self._deploy_id]
        followers.discard(self._event)
        if not followers:
            del self._waiting[self._deploy_id]

    async def wait(self, seconds: float) -> None:
        """Waits for the next notification about the deploy, or until `seconds` have passed."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()
