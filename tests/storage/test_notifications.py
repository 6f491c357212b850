"""A listener listens for notifications only while they are needed."""

from __future__ import annotations

import asyncio

import pytest

from easel.storage.database import Database
from easel.storage.notifications import Listener
from testbed.running import Platform

CHANNEL = "tests_channel"
SAY = f"select pg_notify('{CHANNEL}', %(text)s)"


async def test_a_listener_disconnects_when_nobody_needs_it_and_listens_again_when_somebody_does(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.storage.notifications.UNNEEDED_AT_MOST", 0.05)
    url = f"postgresql://postgres@/postgres?host={platform.data_dir / 'postgres'}"
    database = Database(url)
    heard: asyncio.Queue[str] = asyncio.Queue()
    connected: asyncio.Queue[None] = asyncio.Queue()
    users = {"first"}

    async def on_connect() -> None:
        connected.put_nowait(None)

    listener = Listener(url, {CHANNEL: heard.put_nowait}, on_connect, needed=lambda: bool(users))
    try:
        async with asyncio.timeout(60):
            for user in ("first", "second"):
                users.add(user)
                listener.start()
                listener.start()  # The listener already listens.
                await connected.get()
                async with database.apart() as statement:
                    await statement(SAY, {"text": user})
                    assert await heard.get() == user
                    users.clear()
                    while listener.connected:
                        await asyncio.sleep(0.01)
        assert heard.empty()
        assert connected.empty()
    finally:
        await listener.stop()
        await database.close()
