"""Reading a zip's central directory, and holding it against the local headers (APPNOTE.TXT 6.3.10, §4.3).

Everything here works on the bytes where they lie. What comes out is a list of entries of which each lies inside the
archive, over no other, with a local header that says the same as the directory.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from easel.bundles.errors import (
    DeviceError,
    EncryptedError,
    HeaderMismatchError,
    MemberOutOfBoundsError,
    MembersOverlapError,
    MethodUnsupportedError,
    MultiDiskError,
    NotAZipError,
    PathEncodingError,
    SymlinkError,
    TooManyFilesError,
    ZipEmptyError,
    ZipHasPrefixError,
    ZipMalformedError,
    ZipTruncatedError,
)
from easel.bundles.models import DEFLATED, STORED, Limits
from easel.bundles.names import decode_name, printable

_END = struct.Struct("<4s4H2LH")
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")

_ENCRYPTED_FLAGS = 1 | 1 << 6 | 1 << 13
_DESCRIPTOR_FLAG = 1 << 3
_UTF8_FLAG = 1 << 11
_UNIX_HOSTS = (3, 19)
_MAX16, _MAX32 = 0xFFFF, 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as the directory describes it. Sizes and offsets are bytes; `offset` is where its data begins."""

    name: str
    method: int
    crc: int
    length: int
    size: int
    offset: int
    is_folder: bool


@dataclass(frozen=True, slots=True)
class _Central:
    raw_name: bytes
    name: str
    host: int
    flags: int
    method: int
    crc: int
    length: int
    size: int
    attributes: int
    header: int


def read_directory(data: memoryview, limits: Limits) -> list[Entry]:
    """The members of a zip, in the order in which they lie. Raises the errors of this package's `errors`."""
    start, size, count = _find_directory(data)
    if count == 0:
        raise ZipEmptyError()
    # Folders count here too; a zip with this many members of any kind is no front-end build.
    if count > limits.max_files * 2:
        raise TooManyFilesError(count=count, limit=limits.max_files)
    centrals = sorted(_centrals(data, start, size, count), key=lambda central: central.header)
    if centrals[0].header > 0:
        raise ZipHasPrefixError(size=centrals[0].header)
    entries = []
    end, before = 0, ""
    for central in centrals:
        _check_kind(central)
        entry = _entry(data, central, start)
        if central.header < end:
            raise MembersOverlapError(member=printable(central.name), other=printable(before))
        end, before = entry.offset + entry.length, central.name
        entries.append(entry)
    return entries


def _find_directory(data: memoryview) -> tuple[int, int, int]:
    """Where the central directory begins, how long it is (bytes), and how many entries it says it has."""
    if len(data) < _END.size:
        raise _no_end(data)
    tail = bytes(data[-(_END.size + _MAX16) :])
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if at + _END.size <= len(tail):
            fields = _END.unpack_from(tail, at)
            if at + _END.size + fields[7] == len(tail):
                break
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        if b"PK\5\6" in tail:
            raise ZipMalformedError(reason="something follows the end of the zip")
        raise _no_end(data)
    _, disk, first_disk, here, count, size, start, _ = fields
    position = len(data) - len(tail) + at
    end = position
    if _MAX16 in (disk, first_disk, here, count) or _MAX32 in (size, start):
        found = _find_directory64(data, position)
        if found is not None:
            disk, first_disk, here, count, size, start, end = found
    if disk or first_disk or here != count:
        raise MultiDiskError()
    if start + size > end:
        raise ZipTruncatedError(reason="its directory lies past its end")
    if start + size < end:
        gap = end - start - size
        if bytes(data[start + gap : start + gap + 4]) == b"PK\1\2" and bytes(data[start : start + 4]) != b"PK\1\2":
            raise ZipHasPrefixError(size=gap)
        raise ZipMalformedError(reason="its directory is not where it says")
    return start, size, count


def _no_end(data: memoryview) -> NotAZipError | ZipTruncatedError:
    if bytes(data[:4]) == b"PK\3\4":
        return ZipTruncatedError(reason="its directory, which stands at the end, is missing")
    return NotAZipError()


def _find_directory64(data: memoryview, end: int) -> tuple[int, int, int, int, int, int, int] | None:
    at = end - _LOCATOR64.size
    if at < 0 or bytes(data[at : at + 4]) != b"PK\6\7":
        # Fields may hold their largest value by chance: then there is no zip64 record, and they mean what they say.
        return None
    _, _, position, disks = _LOCATOR64.unpack_from(data, at)
    if disks > 1:
        raise MultiDiskError()
    if position + _END64.size > at:
        raise ZipMalformedError(reason="its zip64 record is not where it says")
    signature, _, _, _, disk, first_disk, here, count, size, start = _END64.unpack_from(data, position)
    if signature != b"PK\6\6":
        raise ZipMalformedError(reason="its zip64 record is not where it says")
    return disk, first_disk, here, count, size, start, position


def _centrals(data: memoryview, start: int, size: int, count: int) -> Iterator[_Central]:
    at, stop = start, start + size
    for _ in range(count):
        if at + _CENTRAL.size > stop:
            raise ZipMalformedError(reason="its directory has fewer entries than it says")
        (
            signature, made_by, _, flags, method, _, _, crc, length, full, name_length, extra_length, comment_length,
            disk, _, attributes, header,
        ) = _CENTRAL.unpack_from(data, at)  # fmt: skip
        if signature != b"PK\1\2":
            raise ZipMalformedError(reason="its directory holds something that is no entry")
        at += _CENTRAL.size
        if at + name_length + extra_length + comment_length > stop:
            raise ZipMalformedError(reason="an entry of its directory is cut off")
        raw = bytes(data[at : at + name_length])
        extra = bytes(data[at + name_length : at + name_length + extra_length])
        at += name_length + extra_length + comment_length
        full, length, header, disk = _widen(extra, full, length, header, disk)
        if disk:
            raise MultiDiskError()
        try:
            name = decode_name(raw, utf8_flag=bool(flags & _UTF8_FLAG), unicode_path=_extra_field(extra, 0x7075))
        except PathEncodingError:
            raise
        yield _Central(raw, name, made_by >> 8, flags, method, crc, length, full, attributes, header)
    if at != stop:
        raise ZipMalformedError(reason="its directory has more entries than it says")


def _widen(extra: bytes, full: int, length: int, header: int, disk: int) -> tuple[int, int, int, int]:
    """Sizes, offset and disk with those that are at their 32-bit maximum taken from the zip64 field (§4.5.3)."""
    body = _extra_field(extra, 0x0001) or b""
    values = []
    at = 0
    for value, limit, width in ((full, _MAX32, 8), (length, _MAX32, 8), (header, _MAX32, 8), (disk, _MAX16, 4)):
        if value == limit and at + width <= len(body):
            value = int.from_bytes(body[at : at + width], "little")
            at += width
        values.append(value)
    return values[0], values[1], values[2], values[3]


def _extra_field(extra: bytes, wanted: int) -> bytes | None:
    at = 0
    while at + 4 <= len(extra):
        kind = int.from_bytes(extra[at : at + 2], "little")
        size = int.from_bytes(extra[at + 2 : at + 4], "little")
        if kind == wanted:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return None


def _check_kind(central: _Central) -> None:
    shown = printable(central.name)
    if central.flags & _ENCRYPTED_FLAGS or central.method == 99:
        raise EncryptedError(member=shown)
    if central.method not in (STORED, DEFLATED):
        raise MethodUnsupportedError(member=shown, method=central.method)
    mode = central.attributes >> 16
    if central.host in _UNIX_HOSTS and stat.S_IFMT(mode):
        if stat.S_ISLNK(mode):
            raise SymlinkError(member=shown)
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise DeviceError(member=shown)


def _entry(data: memoryview, central: _Central, stop: int) -> Entry:
    """The entry, once its local header says the same and its data lies before the directory (at `stop`)."""
    shown = printable(central.name)
    if central.header + _LOCAL.size > stop:
        raise MemberOutOfBoundsError(member=shown)
    signature, _, flags, method, _, _, crc, length, full, name_length, extra_length = _LOCAL.unpack_from(
        data, central.header
    )
    at = central.header + _LOCAL.size
    if signature != b"PK\3\4":
        raise HeaderMismatchError(member=shown, reason="there is no local header where it should be")
    offset = at + name_length + extra_length
    if offset + central.length > stop:
        raise MemberOutOfBoundsError(member=shown)
    if bytes(data[at : at + name_length]) != central.raw_name:
        raise HeaderMismatchError(member=shown, reason="its local header has another name")
    if method != central.method:
        raise HeaderMismatchError(member=shown, reason="its local header has another compression method")
    if (flags ^ central.flags) & (_ENCRYPTED_FLAGS | _DESCRIPTOR_FLAG):
        raise HeaderMismatchError(member=shown, reason="its local header has other flags")
    extra = bytes(data[at + name_length : offset])
    full, length, _, _ = _widen(extra, full, length, 0, 0)
    # With a data descriptor the local header may leave these at zero, since they follow the data.
    silent = bool(flags & _DESCRIPTOR_FLAG)
    for here, there, what in ((crc, central.crc, "checksum"), (length, central.length, "length"),
                              (full, central.size, "size")):  # fmt: skip
        if here != there and not (silent and here in (0, _MAX32)):
            raise HeaderMismatchError(member=shown, reason=f"its local header has another {what}")
    if central.method == STORED and central.length != central.size:
        raise HeaderMismatchError(member=shown, reason="it is stored, and yet its length and size differ")
    is_folder = central.name.endswith(("/", "\\")) or (
        central.host in _UNIX_HOSTS and stat.S_ISDIR(central.attributes >> 16)
    )
    if is_folder and central.size:
        raise HeaderMismatchError(member=shown, reason="it is a folder, and yet it has content")
    return Entry(central.name, central.method, central.crc, central.length, central.size, offset, is_folder)
