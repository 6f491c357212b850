"""The lane: an api's second process, which carries out costly requests. This module starts and runs it.

`easel serve` forks the lane from the process that has imported its modules. A single `easel api` already has threads
when it needs a lane, so it starts a new Python.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import socket
import sys

from easel.api.lane.client import Process, Start
from easel.errors import EaselError
from easel.running.logs import configure_logging
from easel.running.low_priority import yield_processor, yield_to_session
from easel.running.parent_death import end_with
from easel.running.processes import Forker
from easel.running.roles import open_store, open_vault
from easel.settings import Settings

logger = logging.getLogger(__name__)

TITLE = "easel: api, costly requests"
_CONNECTIONS = 2
"""Maximum number of connections to the database, and of additional connections under load. Four costly requests run at
once."""


def start_of(settings: Settings, url: str, line: socket.socket | None) -> Start:
    """Returns the function that starts the lane of an api (its second process, for costly requests). The lane is forked
    through the socket `line`. If `line` is None, a new Python is started."""

    async def fork(control: socket.socket) -> Process:
        assert line is not None
        return await asyncio.to_thread(Forker(line).start, TITLE, run_lane, settings, url, given=[control])

    async def spawn(control: socket.socket) -> Process:
        # Python must not import modules from the current folder (-P).
        command = [sys.executable, "-P", "-m", __name__, str(control.fileno()), str(os.getpid())]
        process = await asyncio.create_subprocess_exec(
            *command, pass_fds=[control.fileno()], stdin=asyncio.subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(pickle.dumps((settings, url)))
        process.stdin.close()
        return process

    return spawn if line is None else fork


def run_lane(settings: Settings, url: str, control: socket.socket) -> None:
    """Runs the lane of an api: carries out costly requests until the api closes the socket `control`. Raises the errors
    of the object store and of the secret key."""
    # A terminal or a service manager signals all processes at once. A lane ignores these signals, and ends with its
    # api.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    configure_logging(settings.log_level, "api")
    yield_to_session()

    import uvloop

    from easel.api.application import make_application, make_services
    from easel.api.lane.server import serve

    # The api that passes requests on to the lane has already counted them.
    uncounted = settings.model_copy(update={"rate_limit_per_minute": 0})
    objects = open_store(settings, impatience=15)
    services = make_services(uncounted, url, objects, open_vault(settings), pool_size=_CONNECTIONS)

    app = make_application(services, is_lane=True)
    # The priority is lowered only now. With a low priority during its start, the lane would never be ready on a busy
    # machine.
    yield_processor()

    async def run() -> None:
        try:
            await serve(app, control)
        finally:
            await services.database.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def _main(descriptor: str, api: str) -> None:
    """Runs a lane in a new Python, which a single `easel api` has started. `descriptor` is the number of the socket,
    and `api` the process id of the api."""
    from setproctitle import setproctitle

    setproctitle(TITLE)
    end_with(int(api))
    settings, url = pickle.load(sys.stdin.buffer)  # noqa: S301 (the api's)
    try:
        run_lane(settings, url, socket.socket(fileno=int(descriptor)))
    except EaselError as error:
        logger.error("%s", error.message)
        sys.exit(1)


if __name__ == "__main__":
    _main(*sys.argv[1:])
