"""The builder's side of a keeper process (see `keeper`)."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from easel.builds.sandbox.cgroups import Group
from easel.builds.sandbox.keeper import LENGTH

_SOURCES = Path(__file__).parents[3]
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from easel.builds.sandbox.keeper import main; main()"
LONGEST_MESSAGE = 64 * 1024


class KeeperProcess:
    """A keeper process for one command, and the command's control groups, if any. The start of a keeper takes at least
    20 ms, so keepers are started in advance."""

    def __init__(self, group: Group | None) -> None:
        self.group = group
        self._socket, answers = socket.socketpair()
        self._requests, requests = socket.socketpair()
        with answers, requests:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, str(_SOURCES), *(group.doors if group else ())],
                stdin=answers.fileno(),
                stdout=requests.fileno(),
                cwd="/",
                env={},
            )
        for each in (self._socket, self._requests):
            each.setblocking(False)
        self._received = b""
        self._descriptors: list[int] = []

    @property
    def waits(self) -> bool:
        """Returns true if the process still runs. A process that was started in advance may have been killed in the
        meantime."""
        return self._process.poll() is None

    async def start(self, request: dict[str, Any], output: int) -> None:
        """Makes the keeper start a command with this descriptor as the command's output. Raises OSError."""
        text = json.dumps(request).encode()
        with self._requests as requests:
            socket.send_fds(requests, [LENGTH.pack(len(text))], [output])
            await asyncio.get_running_loop().sock_sendall(requests, text)

    async def message(self) -> tuple[dict[str, Any], list[int]]:
        """Returns the keeper's next message, and the descriptors received with it. Raises OSError if the keeper has
        ended without a message."""
        while b"\n" not in self._received:
            await self._readable()
            data, descriptors, _, _ = socket.recv_fds(self._socket, LONGEST_MESSAGE, 4)
            if not data:
                raise OSError("the process that keeps the build has ended")
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
            self._received += data
            self._descriptors += descriptors
        line, _, self._received = self._received.partition(b"\n")
        descriptors, self._descriptors = self._descriptors, []
        return json.loads(line), descriptors

    def kill(self) -> None:
        """Makes the keeper kill all processes of the command. The keeper still reports the result."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    async def close(self) -> None:
        """Ends the keeper, and all processes of its command."""
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """Ends the keeper. Call this method in a thread, or before the keeper has started a command."""
        self._socket.close()
        self._requests.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []
        self._process.wait()
        if self.group is not None:
            self.group.remove()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._socket, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._socket)
