"""Following deploys live: who waits for news of which deploy, woken by NOTIFY."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Followers:
    """Wakes everybody who follows a deploy when there is news of it."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def news(self, deploy_id: str) -> None:
        """There is news of this deploy."""
        for event in self._waiting.get(deploy_id, ()):
            event.set()

    def news_of_all(self) -> None:
        """There may be news of any deploy: the notifications were cut off for a while."""
        for events in self._waiting.values():
            for event in events:
                event.set()

    def follow(self, deploy_id: str) -> Following:
        """A context in which `wait` returns at the next news of this deploy."""
        return Following(self._waiting, deploy_id)


class Following:
    """One follower of one deploy."""

    def __init__(self, waiting: defaultdict[str, set[asyncio.Event]], deploy_id: str) -> None:
        self._waiting = waiting
        self._deploy_id = deploy_id
        self._event = asyncio.Event()

    def __enter__(self) -> Following:
        self._waiting[self._deploy_id].add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        followers = self._waiting[self._deploy_id]
        followers.discard(self._event)
        if not followers:
            del self._waiting[self._deploy_id]

    async def wait(self, seconds: float) -> None:
        """Returns at the next news, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()
