"""The processes of `easel serve`.

Reading the modules of a role takes longer than starting it. So they are read once, by a process that does nothing else
(`multiprocessing`'s fork server), and every other process begins as a copy of that one.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from typing import ParamSpec, TypeVar

from easel.errors import EaselError
from easel.settings import Settings

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_context = multiprocessing.get_context("forkserver")


def open_nursery() -> None:
    """Starts the process that the others are copies of; it reads the modules while the caller goes on.

    To be called in the main thread: the process ends with the thread that started it.
    """
    # A folder that Easel happens to be started in is no place to take modules from.
    os.environ["PYTHONSAFEPATH"] = "1"
    os.environ["EASEL_SUPERVISOR"] = str(os.getpid())
    _context.set_forkserver_preload(["easel.running.preloaded"])
    forkserver.ensure_running()


async def in_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function of some module gives, called in a process of its own. Raises what it raises."""

    def run() -> T:
        with ProcessPoolExecutor(1, mp_context=_context) as pool:
            return pool.submit(function, *args, **kwargs).result()

    return await asyncio.to_thread(run)


class RoleProcess:
    """One role, running."""

    def __init__(self, role: str, settings: Settings) -> None:
        self._process: ForkServerProcess = _context.Process(target=_run, args=(role, settings), name=role)
        self._process.start()

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.exitcode is None

    async def wait(self) -> int:
        """Waits for its end and gives the exit code; a negative one is the signal that ended it."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        return self._process.exitcode or 0

    def terminate(self) -> None:
        """Asks it to end what it has begun, and to stop."""
        self._process.terminate()

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()


def _run(role: str, settings: Settings) -> None:
    """What a role's process does, from its first moment on."""
    from setproctitle import setproctitle

    from easel.running import preloaded, roles

    setproctitle(f"easel: {role}")
    roles.end_with(preloaded.PID)
    run = {"api": roles.run_api, "worker": roles.run_worker, "edge": roles.run_edge}[role]
    try:
        run(settings)
    except EaselError as error:
        logger.error("%s", error.message)
        sys.exit(1)
