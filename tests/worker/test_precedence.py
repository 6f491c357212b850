"""Urgent work comes first, and deferrable work is still done."""

from __future__ import annotations

import asyncio
import time

from easel.worker.jobs.precedence import Precedence


async def test_deferrable_work_waits_while_urgent_work_runs() -> None:
    precedence = Precedence(patience=3600)
    order: list[str] = []

    async def background() -> None:
        await precedence.turn()
        order.append("background")

    async with asyncio.timeout(60):
        with precedence.urgent():
            waiting = asyncio.create_task(background())
            with precedence.urgent():
                await asyncio.sleep(0)
            order.append("urgent")
        # The next urgent request begins before the pause counts as idle time.
        await asyncio.sleep(0)
        with precedence.urgent():
            await asyncio.sleep(0)
            order.append("urgent")
        await waiting
        await precedence.turn()
    assert order == ["urgent", "urgent", "background"]


async def test_a_thread_waits_between_its_parts() -> None:
    precedence = Precedence(patience=3600)
    parts: list[int] = []

    def work() -> None:
        turn = precedence.turns()
        for part in range(3):
            turn()
            parts.append(part)

    async with asyncio.timeout(60):
        with precedence.urgent():
            thread = asyncio.create_task(asyncio.to_thread(work))
            await asyncio.sleep(0.05)
            assert parts == []
        await thread
    assert parts == [0, 1, 2]


async def test_a_deferred_task_runs_after_its_limit_although_the_process_is_always_busy() -> None:
    precedence = Precedence(patience=0.05)
    with precedence.urgent():
        async with asyncio.timeout(60):
            await precedence.turn()
            turn = precedence.turns()
            began = time.monotonic()
            await asyncio.to_thread(lambda: [turn() for _ in range(1000)])
        assert time.monotonic() - began < 25, "each part waited anew"


async def test_deferrable_work_does_not_wait_when_the_process_ends() -> None:
    precedence = Precedence(patience=3600)
    with precedence.urgent():
        waiting = asyncio.create_task(precedence.turn())
        thread = asyncio.create_task(asyncio.to_thread(precedence.turns()))
        await asyncio.sleep(0)
        precedence.give_up()
        with precedence.urgent():
            async with asyncio.timeout(60):
                await waiting
                await thread
                await precedence.turn()
