"""The api's side of its lane, the second process that carries out costly requests: starts the process on demand, and
passes requests to it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from prometheus_client import Counter

from easel.api.lane.messages import ASKED, BEGUN, LaneAnswer, LaneRequest, receive, send
from easel.errors import EaselError

logger = logging.getLogger(__name__)

ANSWERED = Counter("easel_api_lane_answers", "Costly requests that the second process of the api handled")

IDLE = 60.0
"""Seconds without a request after which the lane (the api's second process) is ended."""
SILENCE = 30.0
"""Seconds within which the lane's process must respond to its api. A process that does not respond is frozen, and is
killed."""
DEADLINE = 600.0
"""Timeout in seconds of a request to the lane. The lane's process is killed if it has not responded by then."""
_BEAT = 5.0
"""Seconds between two checks that the lane's process still responds."""
_READY_WITHIN = 60.0
_ENDS_WITHIN = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""First and longest delay, in seconds, before a lane's process that ended by itself is replaced."""


class RequestBrokenOffError(EaselError):
    """The server process ended before it sent a response. The request was carried out completely or not at all. Check
    whether the change was made, or send the request again. A request repeated with the same Idempotency-Key is carried
    out only once."""

    status = 503
    code = "request_broken_off"


class Process(Protocol):
    """The running process of the lane."""

    async def wait(self) -> int:
        """Waits for the end of the lane's process, and returns its exit code."""

    def kill(self) -> None:
        """Ends the lane's process at once."""


Start = Callable[[socket.socket], Awaitable[Process]]
"""Starts the lane's process. The process serves the requests whose sockets it receives on the given socket."""


class Lane:
    """The second process of an api. It runs only while costly requests arrive."""

    def __init__(
        self, start: Start, *, idle: float = IDLE, silence: float = SILENCE, deadline: float = DEADLINE
    ) -> None:
        self._start = start
        self._idle = idle
        self._silence = silence
        self._deadline = deadline
        self._control: socket.socket | None = None
        self._process: Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._requests = 0
        self._used = 0.0
        self._pause = _FIRST_PAUSE
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Returns true if the lane's process accepts requests."""
        return self._control is not None

    def want(self) -> None:
        """Starts the lane's process unless it runs, without waiting for its start."""
        if self._keeping is None and time.monotonic() >= self._not_before:
            self._keeping = asyncio.create_task(self._keep(), name="lane")

    async def close(self) -> None:
        """Ends the lane's process. Unfinished requests are aborted."""
        self._not_before = float("inf")
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    async def ask(self, scope: Any, body: Iterable[bytes], size: int) -> tuple[LaneAnswer, bytes] | None:
        """Sends a request to the process, and returns the response and its body. Returns None if no process accepts the
        request. Nothing has changed in that case. Raises RequestBrokenOffError if the process ends before it
        responds."""
        if self._control is None:
            return None
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"r"], [theirs.fileno()])
        except OSError:
            ours.close()
            return None
        self._requests += 1
        try:
            async with asyncio.timeout(self._deadline):
                answer = await _exchange(ours, LaneRequest.of(scope), body, size)
        except TimeoutError:
            logger.error("the process for costly requests did not complete a request in time, so the process is killed")
            self._kill()
            raise RequestBrokenOffError(retry_after_seconds=1, retryable=True) from None
        finally:
            self._requests -= 1
            self._used = time.monotonic()
        if answer is not None:
            ANSWERED.inc()
        return answer

    async def _keep(self) -> None:
        """Starts the lane's process, and watches it until its end. If this call is cancelled, the process is ended."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._process = None
        try:
            with ours:
                with theirs:
                    self._process = await self._start(theirs)
                async with asyncio.timeout(_READY_WITHIN):
                    if not await _hear(ours):
                        raise EOFError("the process ended before it was ready")
                self._control, self._used = ours, time.monotonic()
                self._end_when_idle()
                await self._watch(ours)
            logger.error(
                "the process for costly requests has ended; until it runs again, the api process carries out costly "
                "requests"
            )
        except (OSError, EOFError, TimeoutError, EaselError) as error:
            logger.warning("could not start the process for costly requests: %s", error or type(error).__name__)
        finally:
            self._control = None
            if self._timer is not None:
                self._timer.cancel()
            if self._process is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ENDS_WITHIN):
                        await self._process.wait()
                self._kill()
            self._keeping = None
        # The lane's process ended by itself, or did not start.
        lived = time.monotonic() - self._used
        self._pause = _FIRST_PAUSE if lived > _LONGEST_PAUSE else min(2 * self._pause, _LONGEST_PAUSE)
        self._not_before = max(self._not_before, time.monotonic() + self._pause)

    async def _watch(self, control: socket.socket) -> None:
        """Returns when the lane's process has ended. Kills the process when it no longer responds."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_BEAT, self._silence)):
                    await _hear(control)
                    return
            try:
                control.send(ASKED)
                async with asyncio.timeout(self._silence):
                    if not await _hear(control):
                        return
            except TimeoutError:
                logger.error("the process for costly requests does not respond, so the process is killed")
                self._kill()
                return
            except OSError:
                return

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _end_when_idle(self) -> None:
        assert self._keeping is not None
        left = self._idle if self._requests else self._used + self._idle - time.monotonic()
        if left <= 0:
            self._keeping.cancel()
        else:
            self._timer = asyncio.get_running_loop().call_later(left, self._end_when_idle)


async def _hear(control: socket.socket) -> bool:
    """Waits until the lane's process sends a byte or ends. Returns true for a byte, and false for the end."""
    with suppress(OSError):
        return bool(await asyncio.get_running_loop().sock_recv(control, 1))
    return False


async def _exchange(
    ours: socket.socket, asked: LaneRequest, body: Iterable[bytes], size: int
) -> tuple[LaneAnswer, bytes] | None:
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    begun = False
    try:
        await send(writer, asked, body, size)
        begun = await reader.readexactly(len(BEGUN)) == BEGUN
        return await receive(reader, LaneAnswer)
    except (OSError, asyncio.IncompleteReadError) as error:
        # A request that changes nothing can be repeated.
        if not begun or asked.method in ("GET", "HEAD"):
            return None
        raise RequestBrokenOffError(retry_after_seconds=1, retryable=True) from error
    finally:
        writer.close()
