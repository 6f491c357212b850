"""Ends programs that were started through asyncio."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import Final

ENDED_WITHIN: Final = 10.0
"""Timeout in seconds for a killed program to close its pipes. A child process that left its session could keep them
open."""
_CHUNK: Final = 64 * 1024


async def end_process(process: asyncio.subprocess.Process, *, with_session: bool = False) -> None:
    """Kills a program if it still runs, and waits for its end. With `with_session`, the program was started in its own
    session, and its children are killed too.

    No other task may be reading the program's pipes. Their remaining content is read and dropped. Up to Python 3.12,
    asyncio's own `wait` returns only after every pipe is read to its end, but it does not read a full pipe.
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
