"""Reads a zip's central directory, and compares it with the local headers of its members (APPNOTE.TXT 6.3.10, §4.3 to
§4.5).

Everything works on the bytes in place. The result is a list of entries. Each entry is inside the archive, overlaps no
other entry, and has a local header that agrees with the directory. Sizes and checksums are read from the directory.
Data descriptors are not read, because they only repeat the directory, in four formats that cannot be told apart with
certainty.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from itertools import pairwise
from operator import attrgetter

import msgspec

from easel.bundles.end_record import Directory, find_directory
from easel.bundles.errors import (
    DeviceError,
    EncryptedError,
    HeaderMismatchError,
    MemberOutOfBoundsError,
    MembersOverlapError,
    MethodUnsupportedError,
    MultiDiskError,
    PathTooLongError,
    SymlinkError,
    TooManyFilesError,
    ZipEmptyError,
    ZipHasPrefixError,
    ZipMalformedError,
)
from easel.bundles.models import DEFLATED, STORED, ZSTANDARD, Limits
from easel.bundles.names import decode_name, printable

_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL_SIGNATURE, _LOCAL_SIGNATURE = b"PK\1\2", b"PK\3\4"

_ONE_SEGMENT = (b"PK00", b"PK\7\x08")
"""The first bytes of an archive that a tool has begun to split, but that fitted into one segment (§8.5.3, §8.5.4)."""
_ENCRYPTED_FLAGS = 1 | 1 << 6 | 1 << 13
_DESCRIPTOR_FLAG = 1 << 3
_UTF8_FLAG = 1 << 11
_OF_FILES = frozenset({0, stat.S_IFREG})
_FOLDERS_END = ("/", "\\")
_AES_METHOD = 99
_ZIP64_FIELD, _UNICODE_PATH_FIELD = b"\x01\x00", b"up"
_MOST_FIELDS = 64
"""Maximum number of extra fields of a member that are read. Zip writers write fewer than ten, but there is room for
16,383 empty fields."""
# Systems whose zips contain a Unix mode in the upper half of the external attributes. The format defines it for Unix,
# BeOS, macOS and AtheOS. 7-Zip and other tools also write it under the DOS family.
_MODE_SYSTEMS = frozenset({0, 3, 10, 11, 14, 16, 19, 30})
METHODS = {
    1: "Shrink",
    2: "Reduce",
    3: "Reduce",
    4: "Reduce",
    5: "Reduce",
    6: "Implode",
    7: "Tokenize",
    9: "Deflate64",
    10: "PKWARE Implode",
    12: "bzip2",
    14: "LZMA",
    16: "IBM CMPSC",
    18: "IBM TERSE",
    19: "IBM LZ77",
    20: "Zstandard under an outdated method number",
    94: "MP3",
    95: "xz",
    96: "a JPEG variant",
    97: "WavPack",
    98: "PPMd",
}
"""Compression methods that Easel does not read, by number (§4.4.5)."""
_MAX16, _MAX32 = 0xFFFF, 0xFFFF_FFFF


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One member of a zip, as the zip's directory describes it. Sizes and offsets are in bytes. `header` is the offset
    of the member's local header, and `offset` is the offset of its data."""

    name: str
    method: int
    crc: int
    length: int
    size: int
    header: int
    offset: int
    is_folder: bool
    is_executable: bool


class _Central(msgspec.Struct, frozen=True, gc=False):
    raw_name: bytes
    name: str
    mode: int
    """The Unix mode, or 0 if there is none."""
    flags: int
    method: int
    crc: int
    length: int
    size: int
    header: int


def read_directory(data: memoryview, limits: Limits) -> list[Entry]:
    """Returns the members of a zip, in the order of their offsets. Raises the errors of `easel.bundles.errors`."""
    directory = find_directory(data)
    if directory.entries == 0:
        raise ZipEmptyError()
    # Folders count here too, because a front-end build never has so many members of any kind.
    if directory.entries > limits.max_files * 2:
        raise TooManyFilesError(count=directory.entries, limit=limits.max_files)
    entries = list(_entries(data, directory, limits))
    entries.sort(key=attrgetter("header"))
    if entries[0].header > 0 and not (entries[0].header == 4 and data[:4] in _ONE_SEGMENT):
        raise ZipHasPrefixError(size=entries[0].header)
    for before, entry in pairwise(entries):
        if entry.header < before.offset + before.length:
            raise MembersOverlapError(member=printable(entry.name), other=printable(before.name))
    return entries


def _entries(data: memoryview, directory: Directory, limits: Limits) -> Iterator[Entry]:
    at, stop = directory.start, directory.start + directory.size
    for _ in range(directory.entries):
        if at + _CENTRAL.size > stop:
            raise ZipMalformedError(reason="the directory has fewer entries than stated")
        (
            signature, made_by, _, flags, method, _, _, crc, length, size, name_length, extra_length, comment_length,
            disk, _, attributes, header,
        ) = _CENTRAL.unpack_from(data, at)  # fmt: skip
        if signature != _CENTRAL_SIGNATURE:
            raise ZipMalformedError(reason="the directory contains data that is not an entry")
        repeated = data[at + 6 : at + 30].tobytes()
        at += _CENTRAL.size
        if at + name_length + extra_length + comment_length > stop:
            raise ZipMalformedError(reason="an entry of the directory is incomplete")
        raw = data[at : at + name_length].tobytes()
        # The length is checked before the names are read, so that a directory of long names never fills the memory.
        if name_length > limits.max_name_bytes:
            raise PathTooLongError(
                member=printable(raw.decode("utf-8", "replace")), size=name_length, limit=limits.max_name_bytes
            )
        extra = data[at + name_length : at + name_length + extra_length].tobytes()
        at += name_length + extra_length + comment_length
        unicode_path = None
        # If a value does not fit into 32 bits, the two headers of a member store it in different forms.
        is_wide = size == _MAX32 or length == _MAX32
        if extra:
            size, length, header, disk = _widen(extra, size, length, header, disk)
            unicode_path = _extra_field(extra, _UNICODE_PATH_FIELD)
        if disk:
            raise MultiDiskError()
        if unicode_path is None and raw.isascii():
            name = raw.decode("ascii")
        else:
            name = decode_name(raw, utf8_flag=bool(flags & _UTF8_FLAG), unicode_path=unicode_path)
        mode = attributes >> 16 if made_by >> 8 in _MODE_SYSTEMS else 0
        local = data[header : header + 30 + name_length].tobytes()
        # Most members are plain files. The fields of their local header, from the version to the length of the name,
        # have the same bytes as in their directory entry.
        if (
            local[:28] == _LOCAL_SIGNATURE + repeated
            and local[30:] == raw
            and not is_wide
            and (method == DEFLATED or (method == STORED and length == size))
            and not flags & _ENCRYPTED_FLAGS
            and mode & 0xF000 in _OF_FILES
            and name[-1:] not in _FOLDERS_END
            and (offset := header + len(local) + local[28] + 256 * local[29]) + length <= directory.start
        ):
            yield Entry(name, method, crc, length, size, header, offset, False, mode & 0o111 != 0)
            continue
        central = _Central(raw, name, mode, flags, method, crc, length, size, header)
        _check_kind(central)
        yield _entry(data, central, directory.start)
    if at != stop:
        raise ZipMalformedError(reason="the directory has more entries than stated")


def _widen(extra: bytes, size: int, length: int, header: int, disk: int) -> tuple[int, int, int, int]:
    """Returns the sizes, the offset and the disk of a member. A value at the maximum of its header field is replaced by
    the value in the zip64 field of `extra` (§4.5.3)."""
    if _MAX32 not in (size, length, header) and disk != _MAX16:
        return size, length, header, disk
    body = _extra_field(extra, _ZIP64_FIELD) or b""
    values = []
    at = 0
    for value, limit, width in ((size, _MAX32, 8), (length, _MAX32, 8), (header, _MAX32, 8), (disk, _MAX16, 4)):
        if value == limit and at + width <= len(body):
            value = int.from_bytes(body[at : at + width], "little")
            at += width
        values.append(value)
    return values[0], values[1], values[2], values[3]


def _extra_field(extra: bytes, wanted: bytes) -> bytes | None:
    """Returns the body of the first extra field with the id `wanted` (§4.5.1). Returns None if it is not among the
    first fields."""
    if wanted not in extra:
        return None
    at = 0
    for _ in range(_MOST_FIELDS):
        if at + 4 > len(extra):
            break
        size = int.from_bytes(extra[at + 2 : at + 4], "little")
        if extra[at : at + 2] == wanted:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return None


def _check_kind(central: _Central) -> None:
    if central.flags & _ENCRYPTED_FLAGS or central.method == _AES_METHOD:
        raise EncryptedError(member=printable(central.name))
    if central.method not in (STORED, DEFLATED, ZSTANDARD):
        name = METHODS.get(central.method, "an unknown method")
        raise MethodUnsupportedError(member=printable(central.name), name=name, method=central.method)
    kind = stat.S_IFMT(central.mode)
    if kind == stat.S_IFLNK:
        raise SymlinkError(member=printable(central.name))
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DeviceError(member=printable(central.name))


def _entry(data: memoryview, central: _Central, stop: int) -> Entry:
    """Returns the entry that `central`, an entry of the directory, describes. Checks that the member's local header
    agrees with it, and that its data ends before the directory (at `stop`)."""
    at = central.header + _LOCAL.size
    if at > stop:
        raise MemberOutOfBoundsError(member=printable(central.name))
    signature, _, flags, method, _, _, crc, length, size, name_length, extra_length = _LOCAL.unpack_from(
        data, central.header
    )
    if signature != _LOCAL_SIGNATURE:
        raise _mismatch(central, "there is no local header at the stated place")
    offset = at + name_length + extra_length
    if offset + central.length > stop:
        raise MemberOutOfBoundsError(member=printable(central.name))
    if data[at : at + name_length] != central.raw_name:
        raise _mismatch(central, "its local header has another name")
    if method != central.method:
        raise _mismatch(central, "its local header has another compression method")
    if flags & _ENCRYPTED_FLAGS:
        raise _mismatch(central, "its local header marks it as encrypted")
    if extra_length:
        size, length, _, _ = _widen(bytes(data[at + name_length : offset]), size, length, 0, 0)
    if crc != central.crc or length != central.length or size != central.size:
        _compare(central, crc, length, size, silent=bool(flags & _DESCRIPTOR_FLAG))
    if central.method == STORED and central.length != central.size:
        raise _mismatch(central, "it is stored without compression, but its compressed and uncompressed sizes differ")
    is_folder = central.name.endswith(("/", "\\")) or stat.S_ISDIR(central.mode)
    if is_folder and central.size:
        raise _mismatch(central, "it is a folder, but it has content")
    return Entry(
        central.name,
        central.method,
        central.crc,
        central.length,
        central.size,
        central.header,
        offset,
        is_folder,
        bool(central.mode & 0o111),
    )


def _compare(central: _Central, crc: int, length: int, size: int, *, silent: bool) -> None:
    """Raises HeaderMismatchError if the sizes or the checksum in a member's local header differ from the directory.
    With a data descriptor (`silent`), they may also be zero or at their maximum."""
    for here, there, what in (
        (crc, central.crc, "checksum"),
        (length, central.length, "length"),
        (size, central.size, "size"),
    ):
        if here != there and not (silent and here in (0, _MAX32)):
            raise _mismatch(central, f"its local header has another {what}")


def _mismatch(central: _Central, reason: str) -> HeaderMismatchError:
    return HeaderMismatchError(member=printable(central.name), reason=reason)
