"""The system call filter of builds: a classic BPF program for the kernel (seccomp(2)), in bubblewrap's input format.

The filter refuses system calls with EPERM if builds never need them and they had vulnerabilities. These are calls for
the memory of other processes, mounts, namespaces, keys, tracing, io_uring, the clock and NUMA. Flatpak and Docker's
default profile refuse the same calls. `clone3` fails with ENOSYS, because its flags are in memory that a filter cannot
read. Libraries then use `clone`, whose flags the filter checks. Calls that create memory without a mapping (memfd,
System V) fail with ENOSYS too, because the watcher cannot measure such memory.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from functools import cache
from typing import Final

MACHINES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Maps the kernel's name of an architecture to its AUDIT_ARCH constant and its column in the tables."""

_REFUSED: Final[dict[str, tuple[int, int | None]]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "uselib": (134, None),
    "vhangup": (153, 58),
}
_UNKNOWN: Final[dict[str, tuple[int, int | None]]] = {
    "clone3": (435, 435),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "msgget": (68, 186),
    "shmget": (29, 194),
}
_CLONE, _SOCKET, _IOCTL = (56, 220), (41, 198), (16, 29)
_NEW_NAMESPACES = 0x7E020000
"""The flags CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET together."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND, _THIRD = 0, 4, 16, 24, 32
"""Offsets in `struct seccomp_data`. An argument's offset is the offset of its lower half on little-endian machines."""
_ALLOW = 0x7FFF0000


def _errno(number: int) -> int:
    return 0x00050000 | number


def _instruction(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)


def _when(number: int, *then: bytes) -> bytes:
    """Returns the instructions for one system call. They end by loading the call's number again."""
    block = b"".join(then) + _instruction(_LOAD, _NUMBER)
    return _instruction(_EQUAL, number, no=len(block) // 8) + block


def _refuse(number: int, error: int) -> bytes:
    return _instruction(_EQUAL, number, no=1) + _instruction(_RETURN, _errno(error))


def _numbers(table: dict[str, tuple[int, int | None]], column: int) -> Iterable[int]:
    return sorted(number for number in (numbers[column] for numbers in table.values()) if number is not None)


@cache
def program(machine: str) -> bytes:
    """Returns the seccomp filter for a processor architecture, such as `x86_64`. Raises KeyError if the architecture is
    not in `MACHINES`."""
    architecture, column = MACHINES[machine]
    refused = _instruction(_RETURN, _errno(errno.EPERM))
    parts = [
        # On another architecture, such as 32-bit x86, the same numbers stand for different calls.
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, architecture, yes=1) + _instruction(_RETURN, _errno(errno.ENOSYS)),
        _instruction(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        parts.append(_instruction(_AT_LEAST, _X32, no=1) + _instruction(_RETURN, _errno(errno.ENOSYS)))
    parts += [_refuse(number, errno.EPERM) for number in _numbers(_REFUSED, column)]
    parts += [_refuse(number, errno.ENOSYS) for number in _numbers(_UNKNOWN, column)]
    parts += [
        _when(
            _CLONE[column],
            _instruction(_LOAD, _FIRST) + _instruction(_ANY_BIT, _NEW_NAMESPACES, no=1) + refused,
        ),
        _when(
            _IOCTL[column],
            _instruction(_LOAD, _SECOND)
            + _instruction(_EQUAL, _TIOCSTI, yes=1)
            + _instruction(_EQUAL, _TIOCLINUX, no=1)
            + refused,
        ),
        _when(
            _SOCKET[column],
            _instruction(_LOAD, _FIRST)
            + _instruction(_EQUAL, _UNIX, yes=6)
            + _instruction(_EQUAL, _INET, yes=5)
            + _instruction(_EQUAL, _INET6, yes=4)
            + _instruction(_EQUAL, _NETLINK, no=2)
            # NETLINK_ROUTE (addresses and routes) is the only family of netlink that is allowed.
            # `os.networkInterfaces()` needs it.
            + _instruction(_LOAD, _THIRD)
            + _instruction(_EQUAL, 0, yes=1)
            + _instruction(_RETURN, _errno(errno.EAFNOSUPPORT)),
        ),
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(parts)
