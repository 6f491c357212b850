"""Linux system calls that Python does not provide. Each function raises OSError."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterable
from typing import Final

NEW_MOUNTS, NEW_USER, NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
"""Flags for new namespaces (unshare(2))."""
_BIND, _RECURSIVE, _SLAVE, _NOSUID, _NODEV = 4096, 16384, 1 << 19, 2, 4
_MOUNT_SETATTR, _HERE, _READ_ONLY = 442, -100, 1
_DEATH_SIGNAL, _DUMPABLE, _SUBREAPER = 1, 4, 36
_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_IDLE_CLASS = 3 << 13
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
_SCHED_OTHER = 0
_LONGEST_SLICE = 100_000_000
"""Maximum number of nanoseconds that a thread runs before other waiting threads run."""
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41

NICE: Final = 10
"""The nice value that gives a process a tenth of the processor time of a normal process."""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(namespaces: int) -> None:
    """Moves this process, which has one thread, into new namespaces."""
    _checked(_libc.unshare(ctypes.c_int(namespaces)))


def mount_tmpfs(place: str) -> None:
    """Mounts an empty folder in memory (tmpfs) at `place`, which every user may read."""
    _checked(_libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", ctypes.c_ulong(_NOSUID | _NODEV), b"mode=0755"))


def bind(source: str, place: str) -> None:
    """Mounts a file or folder, with all mounts in it, at a second place (a bind mount)."""
    _checked(_libc.mount(os.fsencode(source), os.fsencode(place), None, ctypes.c_ulong(_BIND | _RECURSIVE), None))


def make_read_only(place: str) -> None:
    """Makes a mount read-only for everyone who sees it: content, permissions and times (mount_setattr(2))."""
    wanted = struct.pack("=QQQQ", _READ_ONLY, 0, 0, 0)
    _checked(
        _libc.syscall(ctypes.c_long(_MOUNT_SETATTR), _HERE, os.fsencode(place), 0, wanted, ctypes.c_size_t(len(wanted)))
    )


def keep_mounts() -> None:
    """Prevents later mounts in this mount namespace from appearing in other namespaces."""
    _checked(_libc.mount(None, b"/", None, ctypes.c_ulong(_RECURSIVE | _SLAVE), None))


def die_with_parent() -> None:
    """Makes the kernel kill this process when the thread that started it has ended."""
    _checked(_libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0))


def be_dumpable() -> None:
    """Restores this process's access to its own files in /proc after a change of user."""
    _checked(_libc.prctl(_DUMPABLE, 1, 0, 0, 0))


def adopt_orphans() -> None:
    """Makes this process the parent of orphaned processes below it (PR_SET_CHILD_SUBREAPER)."""
    _checked(_libc.prctl(_SUBREAPER, 1, 0, 0, 0))


def be_idle() -> None:
    """Gives this session and everything that it starts low priority for the processors, and the lowest priority for the
    disk."""
    # A builder's process already has this nice value, so its value stays unchanged.
    os.nice(max(0, NICE - os.getpriority(os.PRIO_PROCESS, 0)))
    take_long_slices()
    lower_session("self")
    number = _IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        _checked(_libc.syscall(ctypes.c_long(number), 1, 0, _IDLE_CLASS))


def take_long_slices() -> None:
    """Gives this thread, and the threads that it starts, the longest time slices (sched_setattr(2)). From Linux 6.12
    on, a thread with a shorter slice then gets the processor as soon as it wakes. All other threads have a shorter
    slice. Older kernels ignore this setting."""
    number = _SCHED_SETATTR.get(os.uname().machine) if sys.platform == "linux" else None
    if number is not None:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        attributes = struct.pack("=IIQiIQQQ", 48, _SCHED_OTHER, 0, nice, 0, _LONGEST_SLICE, 0, 0)
        # If the system refuses the setting, the thread keeps its time slices, which does no harm.
        _libc.syscall(ctypes.c_long(number), 0, ctypes.c_char_p(attributes), 0)


def raise_loopback() -> None:
    """Brings up the interface `lo` of this network namespace (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        fcntl.ioctl(asker, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP_AND_RUNNING))


def lower_session(process: int | str) -> None:
    """Gives a process's session low priority. The scheduler treats each session as a group (sched(7), autogroup), and a
    nice value counts only within its group. Does nothing if the kernel does not group sessions, or gets too many such
    requests."""
    try:
        with open(f"/proc/{process}/autogroup", "w") as file:
            file.write(str(NICE))
    except OSError:
        return


def has_low_session(process: int) -> bool:
    """Returns true if the process's session has low priority, or if this kernel does not support priorities of
    sessions."""
    try:
        with open(f"/proc/{process}/autogroup") as file:
            return file.read().rstrip().endswith(f" nice {NICE}")
    except OSError:
        return True


def children(process: int) -> Iterable[int]:
    """Returns the process's children. Returns no children if the process has ended."""
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
