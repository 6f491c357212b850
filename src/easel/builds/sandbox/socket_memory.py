"""Measures the memory of a build's sockets, which belongs to no process.

Without this measurement, a build could fill the memory of a machine through a few sockets, because limits of processes
do not cover this memory, and control groups cover only a part of it. All TCP connections of a machine share one limit
(tcp(7), tcp_mem), so a build could also slow the visitors' connections.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

SHARE = 0.02
"""Maximum share of one processor's time that counting may take. A count takes the kernel milliseconds on a machine with
much memory."""
SOONEST = 0.5
_TIMEOUT = 10.0
_READ = 256 * 1024
_HEAD = struct.Struct("=IHHII")
_QUEUES = struct.Struct("=II")
_ATTRIBUTE = struct.Struct("=HH")
_BY_FAMILY, _REQUEST, _DUMP = 20, 1, 0x300
_ERROR, _DONE = 2, 3
_TCP, _UDP = 6, 17
_ALL_STATES, _LISTENING = 0xFFFFFFFF, 10
_QUEUES_OF_INET = 56
"""The offset of the lengths of the receive queue and the send queue in `struct inet_diag_msg`."""
_UNIX_HEAD, _SHOW_QUEUES, _QUEUES_OF_UNIX = 16, 0x10, 4


class SocketMemory:
    """The bytes that wait in the sockets of a build, counted repeatedly. `asking` is a netlink socket of the build's
    network namespace (sock_diag(7))."""

    def __init__(self, asking: socket.socket) -> None:
        self._asking = asking
        self._asking.settimeout(_TIMEOUT)
        self._held = 0
        self._next = 0.0
        self._counting: asyncio.Task[None] | None = None

    def held(self) -> int:
        """Returns the number of bytes that waited in the build's sockets at the last count. Starts a new count in the
        background when one is due."""
        if time.monotonic() >= self._next and (self._counting is None or self._counting.done()):
            self._counting = asyncio.get_running_loop().create_task(self._count())
        return self._held

    async def close(self) -> None:
        """Waits for the end of the current count, and closes the socket."""
        if self._counting is not None:
            await asyncio.gather(self._counting, return_exceptions=True)
        self._asking.close()

    async def _count(self) -> None:
        begun = time.monotonic()
        # The kernel may be built without support for one of the address families.
        with suppress(OSError):
            self._held = await asyncio.to_thread(self._sum)
        ended = time.monotonic()
        self._next = ended + max(SOONEST, (ended - begun) / SHARE)

    def _sum(self) -> int:
        total = 0
        for family in (socket.AF_INET, socket.AF_INET6):
            for protocol in (_TCP, _UDP):
                for found in self._listed(struct.pack("=BBBBI48x", family, protocol, 0, 0, _ALL_STATES)):
                    # The queue sizes of a listening socket are numbers of connections, not of bytes.
                    if found[1] != _LISTENING or protocol != _TCP:
                        total += sum(_QUEUES.unpack_from(found, _QUEUES_OF_INET))
        for found in self._listed(struct.pack("=BBHIII8x", socket.AF_UNIX, 0, 0, _ALL_STATES, 0, _SHOW_QUEUES)):
            if found[2] != _LISTENING:
                total += _of_unix(found)
        return total

    def _listed(self, request: bytes) -> Iterator[bytes]:
        """Yields the kernel's record of each socket that matches a netlink request. Raises OSError."""
        self._asking.send(_HEAD.pack(_HEAD.size + len(request), _BY_FAMILY, _REQUEST | _DUMP, 0, 0) + request)
        while True:
            data = self._asking.recv(_READ)
            while len(data) >= _HEAD.size:
                length, kind, *_ = _HEAD.unpack_from(data)
                if kind in (_ERROR, _DONE):
                    return
                yield data[_HEAD.size : length]
                data = data[(length + 3) & ~3 :]


def _of_unix(found: bytes) -> int:
    at = _UNIX_HEAD
    while at + _ATTRIBUTE.size <= len(found):
        length, kind = _ATTRIBUTE.unpack_from(found, at)
        if kind == _QUEUES_OF_UNIX:
            return sum(_QUEUES.unpack_from(found, at + _ATTRIBUTE.size))
        at += (max(length, _ATTRIBUTE.size) + 3) & ~3
    return 0
