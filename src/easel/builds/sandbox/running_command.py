"""A running command: its output, its limits and its end."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from easel.builds.errors import SandboxUnavailableError
from easel.builds.sandbox.command import Command, CommandResult
from easel.builds.sandbox.disk import DiskUse, Use
from easel.builds.sandbox.free_cores import FreeCores, Visits
from easel.builds.sandbox.keeper_process import KeeperProcess
from easel.builds.sandbox.limits import Reason
from easel.builds.sandbox.processes import Processes
from easel.builds.sandbox.socket_memory import SocketMemory
from easel.builds.sandbox.watch import Watcher
from easel.outgoing.proxy import EgressProxy
from easel.storage.disk_reserve import DiskReserve

READ_CHUNK = 64 * 1024
OUTPUT_TIMEOUT = 5.0
"""Seconds to wait for the end of the output after all processes have ended."""
_FILE_TOO_LARGE = 128 + 25
"""The exit code of a process that the signal SIGXFSZ ended, because it wrote a file beyond the limit of file sizes."""


@dataclass(slots=True)
class RunningCommand:
    """A command, its keeper process, and the caller that receives its output."""

    command: Command
    kept: KeeperProcess
    proxy: EgressProxy
    reserve: DiskReserve
    on_bytes: Callable[[bytes], None]
    should_stop: Callable[[], bool]
    visits: Visits | None = None
    leaves_cores: int = 0
    _tail: bytes = b""
    _reason: Reason | None = None
    _peak: int = 0
    _processor: float = 0.0
    _confined: float = 0.0
    _failure: Exception | None = None

    async def run(self, request: dict[str, Any]) -> CommandResult:
        """Starts the command, and returns when all its processes have ended, even after a cancellation. Raises OSError,
        and SandboxUnavailableError if the command could not be started."""
        begun = time.monotonic()
        output, end = os.pipe()
        try:
            await self.kept.start(request, end)
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(end)
        async with AsyncExitStack() as opened:
            pump = asyncio.create_task(self._pump(output))
            ending = asyncio.create_task(self._until_ended(opened))
            try:
                ended = await self._first_of(pump, ending)
            except BaseException:
                self.kept.kill()
                await asyncio.gather(ending, return_exceptions=True)
                raise
            finally:
                await asyncio.wait([pump], timeout=OUTPUT_TIMEOUT)
                pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        if self._failure is not None:
            raise self._failure
        # The kernel's value lacks the processor time of processes that were killed with their namespace, but the
        # watcher has measured it.
        processor = max(self._processor, ended["processor"])
        if processor >= self.command.limits.processor:
            self._reason = self._reason or "processor"
        if ended["ended"] and self._reason is None:
            self._reason = self._found_out(ended["ended"])
        if self._reason is None and not ended["started"] and request["kind"] == "sandboxed":
            raise SandboxUnavailableError(reason=self._complaint(ended), advice="")
        return CommandResult(
            code=ended["ended"],
            reason=self._reason,
            seconds=time.monotonic() - begun,
            processor=processor,
            peak_memory=self._peak,
            confined=self._confined,
            refused=self.proxy.refused,
        )

    async def _first_of(self, pump: asyncio.Task[bool], ending: asyncio.Task[dict[str, Any]]) -> dict[str, Any]:
        await asyncio.wait([pump, ending], return_when=asyncio.FIRST_COMPLETED)
        if pump.done() and not pump.result():
            self._reason = self._reason or "log"
            self.kept.kill()
        return await ending

    async def _until_ended(self, opened: AsyncExitStack) -> dict[str, Any]:
        """Returns the keeper's last message. Until then, serves the proxy and watches the processes."""
        failure: dict[str, Any] = {}
        watching: asyncio.Task[None] | None = None
        sockets: SocketMemory | None = None
        try:
            while True:
                message, descriptors = await self.kept.message()
                received = [socket.socket(fileno=descriptor) for descriptor in descriptors]
                if "listening" in message:
                    listener, asking = received
                    sockets = SocketMemory(asking)
                    opened.push_async_callback(sockets.close)
                    await opened.enter_async_context(self.proxy.on_listener(listener))
                if "child" in message:
                    watching = asyncio.create_task(self._watch(message["child"], sockets))
                elif "failed" in message:
                    failure = message
                elif "ended" in message:
                    return message | failure
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, first: int, sockets: SocketMemory | None) -> None:
        try:
            async with asyncio.timeout(self.command.limits.wall):
                processes = await Processes.of(first, sandboxed=sockets is not None)
        except TimeoutError:
            self._reason = self._reason or "time"
            self.kept.kill()
            return
        if processes is None:
            return
        others = tuple(mount.source for mount in self.command.mounts if mount.writable)
        limit = Use(self.command.limits.disk, self.command.limits.files)
        disk = DiskUse(self.command.work, others, limit, self.reserve, processes.removed_files)
        free_cores = None
        if self.visits is not None:
            free_cores = FreeCores(self.visits, processes, self.leaves_cores)
        parts = processes, disk, sockets, self.kept.group
        watcher = Watcher(self.command.limits, *parts, self.should_stop, free_cores)
        try:
            self._reason = self._reason or await watcher.watch()
        except Exception as error:
            self._failure = error
        finally:
            # The command is killed even if the watcher itself failed, because no command may run unwatched.
            self.kept.kill()
            self._peak, self._processor = watcher.peak_memory, watcher.processor
            self._confined = free_cores.seconds if free_cores is not None else 0.0
            processes.close()
            await disk.close()

    async def _pump(self, output: int) -> bool:
        """Passes the output on until it ends. Returns false if the output exceeds the limit."""
        left = self.command.limits.log
        reader = asyncio.StreamReader(limit=READ_CHUNK)
        loop = asyncio.get_running_loop()
        file = os.fdopen(output, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        try:
            while chunk := await reader.read(READ_CHUNK):
                self._tail = (self._tail + chunk)[-2000:]
                if len(chunk) > left:
                    self.on_bytes(chunk[:left])
                    return False
                self.on_bytes(chunk)
                left -= len(chunk)
            return True
        finally:
            transport.close()

    def _found_out(self, code: int) -> Reason | None:
        """Returns the limit that the command reached between two checks of the watcher, if this made the command
        fail."""
        if self.kept.group is not None and self.kept.group.was_short():
            return "memory"
        return "disk" if code == _FILE_TOO_LARGE else None

    def _complaint(self, ended: dict[str, Any]) -> str:
        said = self._tail.decode("utf-8", "replace").strip().splitlines()
        return str(ended.get("failed") or (said[-1].removeprefix("bwrap: ") if said else "bubblewrap ended at once"))
