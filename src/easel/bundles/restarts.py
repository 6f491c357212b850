"""Points inside a long deflated member where inflating can begin, so that a request for bytes near its end does not
inflate all bytes before them.

Deflate (RFC 1951) refers back at most 32 KiB, and its blocks begin at any bit. A restart point is therefore the bit at
which a block begins, the length of the content before it, and the last 32 KiB of that content. The points are found
once, in the background, with indexed_gzip. They are stored next to the variants, in one section for each member:

SHA-256 of all that follows, number of points (4 bytes, little-endian), the points (`_PLACE`), their windows

A window is a Zstandard frame with a checksum. It contains the point's own numbers and the 32 KiB, so that damage is
detected.
"""

from __future__ import annotations

import hashlib
import io
import struct
import time
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isal.igzip_lib import DECOMP_DEFLATE, IgzipDecompressor

from easel.bundles.inflate import CHUNK, inflate_with, raw
from easel.bundles.models import DEFLATED, Member
from easel.bundles.packages import Package
from easel.bundles.read import gzip_frame

if TYPE_CHECKING:
    import zstandard
else:
    zstandard = Package("zstandard")

SMALLEST = 1024 * 1024
"""Minimum size (bytes) of a file that gets restart points. A smaller file is inflated as a whole in a millisecond or
two."""
_SPACING = 512 * 1024
_MOST_PLACES = 1024
_WINDOW = 32 * 1024
_DIGEST = 32
_COUNT = struct.Struct("<L")
_PLACE = struct.Struct("<QQLL")
"""The format of a restart point: the number of content bytes before the point, the position of the point in the
member's compressed data (in bits), and the offset and length of its window, which is the preceding content that
inflating needs."""
_NUMBERS = struct.Struct("<QQ")
_EXPORT = struct.Struct("<5sBBQQLLL")
"""The first part of indexed_gzip's export format: its name, version, flags, both sizes, spacing, window and number of
points."""
_POINT = struct.Struct("<QQBB")

# Empty blocks fill the first bits of a byte, because a decoder accepts only whole bytes.
_TEN_BITS = (0b0000000_01_0, 10)
"""An empty block of 10 bits: fixed codes, with only an end code."""
_NINETY_FIVE_BITS = (0x3F5BF820_00000000_0881E004, 95)
"""An empty block of 95 bits: dynamic codes that end at once. It is the shortest block with an odd number of bits."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A restart point of a deflated member: the number of content bytes before it, its position in the compressed data
    in bits, its window (the content before it), and the position up to which the wanted range needs compressed data."""

    content: int
    bit: int
    window: bytes
    until: int = 0


class Restarts:
    """The restart points of one member. Only their section, which may be memory-mapped, is in memory."""

    __slots__ = ("_count", "_section")

    def __init__(self, section: memoryview) -> None:
        if len(section) < _DIGEST + _COUNT.size:
            raise ValueError("restart points are cut off")
        self._count: int = _COUNT.unpack_from(section, _DIGEST)[0]
        self._section = section
        if self._windows > len(section):
            raise ValueError("restart points are cut off")

    @property
    def _windows(self) -> int:
        return _DIGEST + _COUNT.size + self._count * _PLACE.size

    def __len__(self) -> int:
        return self._count

    def _place(self, number: int) -> tuple[int, int, int, int]:
        place: tuple[int, int, int, int] = _PLACE.unpack_from(
            self._section, _DIGEST + _COUNT.size + number * _PLACE.size
        )
        return place

    def reaching(self, start: int, stop: int, length: int) -> Restart | None:
        """Returns the last restart point at or before the byte `start` of the content, for a reader that stops at the
        byte `stop`. `length` is the length (bytes) of the member's compressed data. Returns None if all points come
        after `start`, or if the point is damaged."""
        number = bisect_right(range(self._count), start, key=lambda one: self._place(one)[0]) - 1
        if number < 0:
            return None
        content, bit, at, size = self._place(number)
        frame = self._section[self._windows + at : self._windows + at + size]
        try:
            whole = zstandard.ZstdDecompressor().decompress(frame, max_output_size=_NUMBERS.size + _WINDOW)
        except zstandard.ZstdError:
            return None
        if whole[: _NUMBERS.size] != _NUMBERS.pack(content, bit) or len(whole) != _NUMBERS.size + _WINDOW:
            return None
        after = bisect_right(range(self._count), stop - 1, key=lambda one: self._place(one)[0])
        until = length if after == self._count else min(length, self._place(after)[1] // 8 + 1)
        return Restart(content, bit, whole[_NUMBERS.size :], until)


def inflate_from(restart: Restart, data: memoryview, chunk: int = CHUNK) -> Iterator[bytes]:
    """Inflates a member's data from a restart point on. Yields the content up to the end of the wanted range, in pieces
    of at most `chunk` bytes. Raises DamagedDataError, also if the content ends before the range."""
    at, used = divmod(restart.bit, 8)
    first = b""
    if used:
        bits, count = _filling(used)
        bits |= (data[at] >> used) << count
        first = bits.to_bytes((count + 8 - used) // 8, "little")
        at += 1
    inflater = IgzipDecompressor(flag=DECOMP_DEFLATE, hist_bits=15, zdict=restart.window)
    return inflate_with(inflater, data[at : restart.until], chunk, first)


def _filling(used: int) -> tuple[int, int]:
    """Returns empty deflate blocks that fill the first `used` bits of a byte: the bits of the blocks, and their
    number."""
    bits, count = _NINETY_FIVE_BITS if used % 2 else (0, 0)
    while count % 8 != used:
        bits |= _TEN_BITS[0] << count
        count += _TEN_BITS[1]
    return bits, count


def find_restarts(member: Member, bundle: memoryview) -> bytes | None:
    """Finds the restart points of a deflated member, and returns them as a section. Returns None if the member has
    none.

    The search takes about as long as inflating the member twice, and 32 KiB of memory for each point.
    """
    # Importing this module takes a third of the time in which an edge starts, and only the background job needs the
    # module.
    import indexed_gzip

    if member.method != DEFLATED:
        return None
    spacing = max(_SPACING, member.size // _MOST_PLACES)
    exported = io.BytesIO()
    try:
        with indexed_gzip.IndexedGzipFile(
            fileobj=_AsGzip(member, bundle), spacing=spacing, window_size=_WINDOW, readbuf_size=64 * 1024
        ) as file:
            file.build_full_index()
            file.export_index(fileobj=exported)
    except (OSError, EOFError):
        return None
    found = _exported(exported.getbuffer(), len(gzip_frame(member)[0]))
    # The library also reports the end of the data, which is not a restart point.
    return _section([place for place in found if place.content < member.size])


def _exported(data: memoryview, header: int) -> Iterator[Restart]:
    """Yields the restart points in an index in indexed_gzip's format (`zran_export_index` in its zran.c). `header` is
    the length of the gzip header."""
    *_, window_size, count = _EXPORT.unpack_from(data)
    window_at = _EXPORT.size + count * _POINT.size
    for number in range(count):
        compressed, content, left, has_window = _POINT.unpack_from(data, _EXPORT.size + number * _POINT.size)
        if has_window:
            # The library reports the number of whole bytes, and how many bits of the last byte belong to the following
            # block.
            yield Restart(content, (compressed - header) * 8 - left, bytes(data[window_at : window_at + window_size]))
            window_at += window_size


def _section(places: list[Restart]) -> bytes | None:
    if not places:
        return None
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    table, windows, at = [], [], 0
    for place in places:
        frame = compressor.compress(_NUMBERS.pack(place.content, place.bit) + place.window)
        table.append(_PLACE.pack(place.content, place.bit, at, len(frame)))
        windows.append(frame)
        at += len(frame)
    section = b"".join((_COUNT.pack(len(table)), *table, *windows))
    return hashlib.sha256(section).digest() + section


class _AsGzip(io.RawIOBase):
    """Presents a deflated member as a gzip file, with a frame around its data (RFC 1952)."""

    def __init__(self, member: Member, bundle: memoryview) -> None:
        header, trailer = gzip_frame(member)
        end = len(header) + member.length
        self._parts = [(0, memoryview(header)), (len(header), raw(member, bundle)), (end, memoryview(trailer))]
        self._size = end + len(trailer)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        # The library inflates without releasing the interpreter, so other threads run at each read.
        time.sleep(0)
        stop = self._size if size < 0 else min(self._size, self._at + size)
        pieces = [part[max(0, self._at - at) : max(0, stop - at)] for at, part in self._parts]
        self._at = max(self._at, stop)
        return b"".join(pieces)
