"""Finds a zip's central directory from the record at the zip's end (APPNOTE.TXT 6.3.10, §4.3.14 to §4.3.16).

The directory must begin at the offset that the end record states, and end exactly at the record. If there were other
bytes before, between or after the directory and the record, different readers would read the zip differently.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from easel.bundles.errors import (
    MultiDiskError,
    NotAZipError,
    ZipHasPrefixError,
    ZipHasSuffixError,
    ZipMalformedError,
    ZipTruncatedError,
)

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<28x3H12x")
"""An entry of the directory (§4.3.12): the lengths of its name, its extra fields and its comment."""
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_END_SIGNATURE, _LOCATOR64_SIGNATURE, _END64_SIGNATURE = b"PK\5\6", b"PK\6\7", b"PK\6\6"
_CENTRAL_SIGNATURE, _LOCAL_SIGNATURE, _SPLIT_SIGNATURE = b"PK\1\2", b"PK\3\4", b"PK\7\x08"
_MAX16, _MAX32 = 0xFFFF, 0xFFFF_FFFF
_PIECE = 64 * 1024

_OTHER_FORMATS = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip file, perhaps a .tar.gz"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"<", "an HTML or XML file"),
)


class Directory(NamedTuple):
    """The central directory: its offset in the zip, its length (bytes), and its stated number of entries."""

    start: int
    size: int
    entries: int


class _End(NamedTuple):
    disk: int
    first_disk: int
    entries_here: int
    entries: int
    size: int
    start: int
    position: int


def find_directory(data: memoryview) -> Directory:
    """Returns the location of a zip's central directory. Raises NotAZipError, ZipTruncatedError, ZipHasPrefixError,
    ZipHasSuffixError, MultiDiskError, ZipMalformedError."""
    end = _find_end(data)
    wide = None
    # libarchive writes both end records in full, so a zip may contain a zip64 record although no field refers to it.
    if _asks_for_zip64(end) or end.start + end.size != end.position:
        wide = _find_end64(data, end)
    end = wide or end
    if end.disk or end.first_disk or end.entries_here != end.entries:
        raise MultiDiskError()
    missing = end.start + end.size - end.position
    if missing > 0:
        raise ZipTruncatedError(reason="the directory would begin after the end of the zip")
    if missing < 0:
        # Bytes in front of the zip shift all offsets, including the offset of the directory, by the same amount.
        if end.size and bytes(data[end.start - missing :][:4]) == _CENTRAL_SIGNATURE != bytes(data[end.start :][:4]):
            raise ZipHasPrefixError(size=-missing)
        raise ZipMalformedError(reason="the directory is not at the stated place")
    return Directory(end.start, end.size, end.entries if wide else _count_entries(data, end))


def _count_entries(data: memoryview, end: _End) -> int:
    """Returns the number of entries in the zip's directory. JSZip and fflate write no zip64 record, so the end record
    of their zips contains only the lower 16 bits of the number. Other readers, such as Info-ZIP's unzip, read these
    zips too."""
    if end.size <= _MAX16 * _CENTRAL.size:
        return end.entries
    count, at, stop = 0, end.start, end.start + end.size
    while at + _CENTRAL.size <= stop and data[at : at + 4] == _CENTRAL_SIGNATURE:
        name, extra, comment = _CENTRAL.unpack_from(data, at)
        at += _CENTRAL.size + name + extra + comment
        count += 1
    return count if count & _MAX16 == end.entries else end.entries


def _find_end(data: memoryview) -> _End:
    # A tool that writes to a pipe in blocks fills the last block with zeros. The last bytes of the end record itself
    # may be zeros too.
    written = _without_zeros(data)
    begin = max(0, written - _END.size - _MAX16)
    tail = bytes(data[begin : written + _END.size])
    padded = None
    at = tail.rfind(_END_SIGNATURE)
    while at >= 0:
        if at + _END.size <= len(tail):
            _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(tail, at)
            end = _End(disk, first_disk, here, count, size, start, begin + at)
            stop = end.position + _END.size + comment
            if stop == len(data):
                return end
            if padded is None and written <= stop < len(data):
                padded = end
        at = tail.rfind(_END_SIGNATURE, 0, at)
    if padded is not None:
        return padded
    raise _no_end(data, bytes(data[-(_END.size + _MAX16) :]))


def _without_zeros(data: memoryview) -> int:
    """Returns the length of the data in bytes, without the zeros at its end."""
    stop = len(data)
    while stop:
        begin = max(0, stop - _PIECE)
        kept = len(bytes(data[begin:stop]).rstrip(b"\0"))
        if kept:
            return begin + kept
        stop = begin
    return 0


def _no_end(data: memoryview, tail: bytes) -> NotAZipError | ZipTruncatedError | MultiDiskError | ZipHasSuffixError:
    begins = bytes(data[:6])
    if begins.startswith(_SPLIT_SIGNATURE):
        return MultiDiskError()
    if not begins.startswith((_LOCAL_SIGNATURE, _END_SIGNATURE)):
        found = next((name for magic, name in _OTHER_FORMATS if begins.startswith(magic)), None)
        if found is None and bytes(data[257:262]) == b"ustar":
            found = "a tar archive"
        return NotAZipError(found=found or ("a file of an unknown format" if begins else "empty"))
    at = tail.rfind(_END_SIGNATURE)
    if at >= 0 and at + _END.size <= len(tail):
        following = len(tail) - at - _END.size - int.from_bytes(tail[at + _END.size - 2 : at + _END.size], "little")
        if following > 0:
            return ZipHasSuffixError(size=following)
    return ZipTruncatedError(reason="the directory, which should be at the end of the zip, is missing")


def _asks_for_zip64(end: _End) -> bool:
    return _MAX16 in (end.disk, end.first_disk, end.entries_here, end.entries) or _MAX32 in (end.size, end.start)


def _find_end64(data: memoryview, end: _End) -> _End | None:
    """Returns the zip64 end record before the end record `end`. Returns None if there is none."""
    at = end.position - _LOCATOR64.size
    if at < 0 or bytes(data[at : at + 4]) != _LOCATOR64_SIGNATURE:
        if end.start == _MAX32:
            raise ZipMalformedError(reason="the zip64 end record is missing")
        # Other fields may have their maximum value by chance, for example a count of 65,535 entries. This value is then
        # correct.
        return None
    _, _, position, disks = _LOCATOR64.unpack_from(data, at)
    if disks > 1:
        raise MultiDiskError()
    if position + _END64.size > at or bytes(data[position : position + 4]) != _END64_SIGNATURE:
        usual = at - _END64.size
        if position < usual and bytes(data[usual : usual + 4]) == _END64_SIGNATURE:
            raise ZipHasPrefixError(size=usual - position)
        raise ZipMalformedError(reason="the zip64 end record is not at the stated place")
    _, _, _, _, disk, first_disk, here, count, size, start = _END64.unpack_from(data, position)
    wide = _End(disk, first_disk, here, count, size, start, position)
    for value, narrow, limit in zip(wide, end, (_MAX16, _MAX16, _MAX16, _MAX16, _MAX32, _MAX32), strict=False):
        if narrow not in (value, limit):
            raise ZipMalformedError(reason="the two end records contradict each other")
    return wide
