"""Ending programs that were started through asyncio."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import Final

ENDED_WITHIN: Final = 10.0
"""Seconds that a killed program has to close its pipes: a child that left its session could keep them open."""
_CHUNK: Final = 64 * 1024


async def end_process(process: asyncio.subprocess.Process, *, with_session: bool = False) -> None:
    """Kills a program where it still runs, and waits until it has ended; with its children, where it was started
    `with_session`, a session of its own.

    Nobody else may be reading its pipes. What they still hold is read and dropped: up to Python 3.12, asyncio's own
    `wait` returns only once every pipe was read to its end, and it reads none that is full.
    """
    with suppress(ProcessLookupError, PermissionError):
        if with_session:
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()
    await asyncio.shield(_wait(process))


async def _wait(process: asyncio.subprocess.Process) -> None:
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
    with suppress(TimeoutError):
        async with asyncio.timeout(ENDED_WITHIN):
            await asyncio.gather(*map(_drop, pipes))
            await process.wait()


async def _drop(pipe: asyncio.StreamReader) -> None:
    while await pipe.read(_CHUNK):
        pass
