"""Calls of the Linux kernel that Python has no name for. Each raises OSError."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterable
from typing import Final

NEW_MOUNTS, NEW_USER, NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
"""Namespaces, see unshare(2)."""
_BIND, _RECURSIVE, _SLAVE, _NOSUID, _NODEV = 4096, 16384, 1 << 19, 2, 4
_MOUNT_SETATTR, _HERE, _READ_ONLY = 442, -100, 1
_DEATH_SIGNAL, _DUMPABLE, _SUBREAPER = 1, 4, 36
_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_IDLE_CLASS = 3 << 13
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41

NICE: Final = 10
"""A tenth of the processor time of a process that is not nice."""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(namespaces: int) -> None:
    """New namespaces for this process, which has one thread."""
    _checked(_libc.unshare(ctypes.c_int(namespaces)))


def mount_tmpfs(place: str) -> None:
    """An empty folder in memory, that everybody may read."""
    _checked(_libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", ctypes.c_ulong(_NOSUID | _NODEV), b"mode=0755"))


def bind(source: str, place: str) -> None:
    """A file or folder, with what is mounted in it, at another place too."""
    _checked(_libc.mount(os.fsencode(source), os.fsencode(place), None, ctypes.c_ulong(_BIND | _RECURSIVE), None))


def make_read_only(place: str) -> None:
    """What is mounted there can be changed from nowhere that sees this mount: no content, no rights, no times
    (mount_setattr(2))."""
    wanted = struct.pack("=QQQQ", _READ_ONLY, 0, 0, 0)
    _checked(
        _libc.syscall(ctypes.c_long(_MOUNT_SETATTR), _HERE, os.fsencode(place), 0, wanted, ctypes.c_size_t(len(wanted)))
    )


def keep_mounts() -> None:
    """What is mounted from now on stays in this mount namespace."""
    _checked(_libc.mount(None, b"/", None, ctypes.c_ulong(_RECURSIVE | _SLAVE), None))


def die_with_parent() -> None:
    """The kernel kills this process when the thread that started it has ended."""
    _checked(_libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0))


def be_dumpable() -> None:
    """Gives this process back its own files in /proc, which a change of user takes."""
    _checked(_libc.prctl(_DUMPABLE, 1, 0, 0, 0))


def adopt_orphans() -> None:
    """Processes below this one whose parent has ended become its children (PR_SET_CHILD_SUBREAPER)."""
    _checked(_libc.prctl(_SUBREAPER, 1, 0, 0, 0))


def be_idle() -> None:
    """Low priority for the processors and the lowest for the disk, for this session and all that it starts."""
    # A builder is that nice already.
    os.nice(max(0, NICE - os.getpriority(os.PRIO_PROCESS, 0)))
    lower_session("self")
    number = _IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        _checked(_libc.syscall(ctypes.c_long(number), 1, 0, _IDLE_CLASS))


def raise_loopback() -> None:
    """Brings up the interface `lo` of this network namespace (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        fcntl.ioctl(asker, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP_AND_RUNNING))


def lower_session(process: int | str) -> None:
    """Low priority for a process's session. Each session is a group of its own to the scheduler (sched(7), autogroup),
    and a nice value counts within it alone. Nothing happens where that is off, or the kernel is asked too often."""
    try:
        with open(f"/proc/{process}/autogroup", "w") as file:
            file.write(str(NICE))
    except OSError:
        return


def has_low_session(process: int) -> bool:
    """Whether the process's session has low priority, or there is no such thing."""
    try:
        with open(f"/proc/{process}/autogroup") as file:
            return file.read().rstrip().endswith(f" nice {NICE}")
    except OSError:
        return True


def children(process: int) -> Iterable[int]:
    """The process's children; none if it has ended."""
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return
    for thread in threads:
        try:
            with open(f"/proc/{process}/task/{thread}/children", "rb") as file:
                yield from map(int, file.read().split())
        except OSError:
            continue
