"""A zip made of members that lie in other zips, compressed as they are (APPNOTE.TXT 6.3.10, §4.3).

A version that spans bundles is downloaded this way. The same files give the same bytes: members stand in the order of
their paths, and there are no times, no owners and no comments in it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

from easel.bundles.inflate import DamagedDataError
from easel.bundles.models import Member

PIECE = 1024 * 1024

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")

_VERSION, _VERSION64 = 20, 45
_UNIX = 3 << 8
_MODE = 0o100644 << 16
_UTF8_FLAG = 1 << 11
_TIME, _DATE = 0, 1 << 5 | 1  # 1 January 1980, the earliest there is
_MAX16, _MAX32 = 0xFFFF, 0xFFFF_FFFF


def zip_parts(manifest_files: Mapping[str, Member], read: Callable[[Member], bytes | memoryview]) -> Iterator[bytes]:
    """The zip in pieces of at most 1 MiB, zip64 only where it has to be.

    `read` gives a member's raw bytes as they lie in its bundle. Raises DamagedDataError when they are not as many as
    recorded: the zip has then been begun and is of no use.
    """
    directory: list[bytes] = []
    at = 0
    for path, member in sorted(manifest_files.items()):
        name = path.encode()
        flags = 0 if path.isascii() else _UTF8_FLAG
        header = _local(name, flags, member)
        yield header
        data = read(member)
        if len(data) != member.length:
            raise DamagedDataError(f"{path} has another length than it was recorded with")
        for begin in range(0, len(data), PIECE):
            yield bytes(data[begin : begin + PIECE])
        directory.append(_central(name, flags, member, at))
        at += len(header) + member.length
    size = 0
    for entry in directory:
        yield entry
        size += len(entry)
    yield _end(len(directory), size, at)


def _local(name: bytes, flags: int, member: Member) -> bytes:
    size, length, extra = member.size, member.length, b""
    if max(size, length) >= _MAX32:
        # In a local header the field holds both, whichever of them needs it (§4.5.3).
        extra = struct.pack("<2H2Q", 1, 16, size, length)
        size = length = _MAX32
    version = _VERSION64 if extra else _VERSION
    return (
        _LOCAL.pack(
            b"PK\3\4", version, flags, member.method, _TIME, _DATE, member.crc, length, size, len(name), len(extra)
        )
        + name
        + extra
    )


def _central(name: bytes, flags: int, member: Member, header: int) -> bytes:
    wide = b"".join(value.to_bytes(8, "little") for value in (member.size, member.length, header) if value >= _MAX32)
    extra = struct.pack("<2H", 1, len(wide)) + wide if wide else b""
    version = _VERSION64 if wide else _VERSION
    size, length, header = (min(value, _MAX32) for value in (member.size, member.length, header))
    return (
        _CENTRAL.pack(
            b"PK\1\2", _UNIX | version, version, flags, member.method, _TIME, _DATE, member.crc, length, size,
            len(name), len(extra), 0, 0, 0, _MODE, header,
        )
        + name
        + extra
    )  # fmt: skip


def _end(count: int, size: int, start: int) -> bytes:
    wide = b""
    if count >= _MAX16 or size >= _MAX32 or start >= _MAX32:
        # The record's own length counts from behind the field that says it.
        wide = _END64.pack(
            b"PK\6\6", _END64.size - 12, _UNIX | _VERSION64, _VERSION64, 0, 0, count, count, size, start
        ) + _LOCATOR64.pack(b"PK\6\7", 0, start + size, 1)
    count, size, start = min(count, _MAX16), min(size, _MAX32), min(start, _MAX32)
    return wide + _END.pack(b"PK\5\6", 0, 0, count, count, size, start, 0)
