"""Inflates a member of a bundle in bounded memory: raw deflate (RFC 1951), and Zstandard (RFC 8878), whose frames state
a window size that must be limited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, cast

from isal.igzip_lib import DECOMP_DEFLATE, DECOMP_GZIP_NO_HDR, IgzipDecompressor, IsalError
from isal.isal_zlib import crc32

from easel.bundles.models import DEFLATED, STORED, ZSTANDARD, Member
from easel.bundles.packages import Package

if TYPE_CHECKING:
    import zstandard
else:
    zstandard = Package("zstandard")

CHUNK = 256 * 1024
LARGEST_WINDOW = 8 * 1024 * 1024
"""Maximum size in bytes of a Zstandard window. Every decoder should support this size (RFC 8878 §3.1.1.1.2), and
compression levels up to 19 need no more. A window is never larger than the content."""

_MARK = b"complete"
_MARK_FRAME = b"\x28\xb5\x2f\xfd\x20" + bytes([len(_MARK)]) + (len(_MARK) << 3 | 1).to_bytes(3, "little") + _MARK
"""A Zstandard frame with one uncompressed block (RFC 8878 §3.1.1), which is read after the data. The reader reports no
incomplete frame at the end of its input. If the data ends in an incomplete frame, this frame cannot be read either."""


class DamagedDataError(Exception):
    """Compressed data cannot be inflated, or does not end at the right place."""


def inflated(data: memoryview, method: int, limit: int) -> bytes:
    """Inflates a member's data, and returns the whole content. If the content is longer than `limit` bytes, returns
    `limit` + 1 bytes, so that the caller notices it. Raises DamagedDataError."""
    if method == DEFLATED:
        return _inflated(IgzipDecompressor(flag=DECOMP_DEFLATE), data, limit)
    if method == ZSTANDARD:
        return _unpacked_up_to(data, limit + 1)
    return bytes(data[: limit + 1])


def inflated_with_crc(data: memoryview, method: int, limit: int) -> tuple[bytes, int]:
    """Returns the same as `inflated`, and the CRC-32 of the returned bytes. Inflating computes it in the same call,
    without the interpreter lock."""
    if method == DEFLATED:
        inflater = IgzipDecompressor(flag=DECOMP_GZIP_NO_HDR)
        return _inflated(inflater, data, limit), inflater.crc
    content = inflated(data, method, limit)
    return content, crc32(content)


def _inflated(inflater: IgzipDecompressor, data: memoryview, limit: int) -> bytes:
    try:
        content = inflater.decompress(data, limit + 1)
    except IsalError as error:  # type: ignore[misc]
        raise DamagedDataError(str(error)) from error
    if len(content) <= limit and (not inflater.eof or inflater.unused_data):
        raise DamagedDataError("the compressed data does not end where it should")
    return content


def inflate(data: memoryview, method: int, chunk: int = CHUNK) -> Iterator[bytes]:
    """Inflates a member's data, and yields the content in pieces of 1 to `chunk` bytes. Raises DamagedDataError."""
    if method == STORED:
        for at in range(0, len(data), chunk):
            yield bytes(data[at : at + chunk])
        return
    if method == ZSTANDARD:
        yield from _unpacked(data, chunk)
        return
    yield from inflate_with(IgzipDecompressor(flag=DECOMP_DEFLATE), data, chunk)


def inflate_with(
    inflater: IgzipDecompressor, data: memoryview, chunk: int = CHUNK, first: bytes = b""
) -> Iterator[bytes]:
    """Inflates `first` and then `data` with the given inflater for raw deflate. Yields the content in pieces of 1 to
    `chunk` bytes. The compressed data must end with the last byte. Raises DamagedDataError."""
    at = 0
    while not inflater.eof:
        given: bytes | memoryview = b""
        if first:
            given, first = first, b""
        elif inflater.needs_input:
            given = data[at : at + CHUNK]
            at += len(given)
        try:
            piece = inflater.decompress(given, chunk)
        except IsalError as error:  # type: ignore[misc]
            raise DamagedDataError(str(error)) from error
        if piece:
            yield piece
        elif not given and not inflater.eof:
            raise DamagedDataError("the compressed data is incomplete")
    if inflater.unused_data or at < len(data):
        raise DamagedDataError("other data follows the compressed data")


def _unpacked_up_to(data: memoryview, most: int) -> bytes:
    content = bytearray()
    for piece in _unpacked(data, min(CHUNK, most)):
        content += piece[: most - len(content)]
        if len(content) == most:
            break
    return bytes(content)


def _unpacked(data: memoryview, chunk: int) -> Iterator[bytes]:
    """Yields the content of one or more Zstandard frames. Raises DamagedDataError, also if the last frame is
    incomplete."""
    reader = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).stream_reader(
        cast("IO[bytes]", _Source(data)), read_size=CHUNK, read_across_frames=True, closefd=False
    )
    held = b""
    try:
        while piece := reader.read(chunk):
            held += piece
            if len(held) > len(_MARK):
                yield held[: -len(_MARK)]
                held = held[-len(_MARK) :]
    except zstandard.ZstdError as error:
        raise DamagedDataError(str(error)) from error
    if held != _MARK:
        raise DamagedDataError("the compressed data is incomplete")


class _Source:
    """A file object that reads from `data`, and then from the frame of `_MARK`. If the Zstandard reader held `data`
    itself, a traceback that refers to the reader would keep the data in memory."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int) -> bytes:
        piece = bytes(self._data[self._at : self._at + size])
        if not piece:
            start = self._at - len(self._data)
            piece = _MARK_FRAME[start : start + size]
        self._at += len(piece)
        return piece


def window(data: memoryview) -> int:
    """Returns the window size (bytes) of the first Zstandard frame in the data. Returns 0 if there is no readable
    frame."""
    try:
        return zstandard.get_frame_parameters(bytes(data[:32])).window_size
    except zstandard.ZstdError:
        return 0


def raw(member: Member, bundle: memoryview) -> memoryview:
    """Returns a member's bytes as they are in its bundle, compressed or not."""
    return bundle[member.offset : member.offset + member.length]
