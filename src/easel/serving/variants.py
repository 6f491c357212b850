"""Variants of a version's files, in one object next to the version's bundle: other encodings, and restart points of
long deflated files (`bundles/restarts.py`).

The object consists of the magic `EASELV1 `, the length of the index (8 bytes, big-endian), the index as JSON (key →
[offset, length] into the data), and the data. The key of a brotli stream (RFC 7932) is the hash of its file's content.
Keys of other kinds have a suffix: `.zstd` (RFC 8878), `.gzip` (RFC 1952), `.restarts`.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from easel.bundles.inflate import LARGEST_WINDOW
from easel.bundles.models import Coding
from easel.bundles.packages import Package
from easel.bundles.slices import AT_ONCE, entries, is_closed

if TYPE_CHECKING:
    import brotli
    import zstandard
else:
    brotli = Package("brotli")
    zstandard = Package("zstandard")

MAGIC = b"EASELV1\n"
SMALLEST, LARGEST = 1024, 32 * 1024 * 1024
"""Minimum and maximum size (bytes) of files for which other encodings are built."""
RESTARTS = ".restarts"
"""The suffix of the index keys of restart points."""
HEADER = len(MAGIC) + 8
"""Number of bytes before the index of a variants object."""
CODINGS: tuple[Coding, ...] = ("br", "zstd", "gzip")
"""The variants that are encoded bodies. Restart points are the only other kind."""
_INDEX_LARGEST = 64 * 1024 * 1024
"""Maximum size of a variants object's index in bytes. The index of a hundred thousand files has a sixth of this
size."""
_PIECE = 256 * 1024
_ZSTD_AT_ONCE = 512
_index_decoder = msgspec.json.Decoder(dict[str, tuple[int, int]])


def variant_key(content_hash: str, coding: Coding) -> str:
    """Returns the index key of a file's variant in this encoding. `content_hash` is the hash of the file."""
    return content_hash if coding == "br" else f"{content_hash}.{coding}"


def read_index(data: memoryview) -> Iterator[dict[str, tuple[int, int]] | None]:
    """Parses the index of a variants object: key → (offset into the object, length). Yields None after each slice of a
    large index, and the whole index at the end. Raises ValueError if the index is damaged."""
    begin = data_begins(data)
    encoded = bytes(data[HEADER:begin])
    index: dict[str, tuple[int, int]] = {}
    end = 0
    try:
        if len(encoded) > AT_ONCE:
            for some, at in entries(encoded, 1, _index_decoder.decode):
                index.update(_placed(some, begin, len(data)))
                end = at
                yield None
    except msgspec.MsgspecError as error:
        raise ValueError("a damaged variants object") from error
    if index and is_closed(encoded, end) and end + 1 == len(encoded) and encoded.startswith(b"{"):
        yield index
    else:
        yield _placed(_decode_index(encoded), begin, len(data))


def _placed(index: dict[str, tuple[int, int]], begin: int, size: int) -> dict[str, tuple[int, int]]:
    """Returns an index in which the offsets count from the start of the object. `begin` is the offset of the data, and
    `size` the length of the object. Raises ValueError if an entry ends after the object."""
    if any(offset < 0 or length <= 0 or begin + offset + length > size for offset, length in index.values()):
        raise ValueError("an incomplete variants object")
    return {digest: (begin + offset, length) for digest, (offset, length) in index.items()}


def data_begins(head: bytes | bytearray | memoryview) -> int:
    """Returns the offset at which the data of a variants object begins. `head` contains the object's first bytes.
    Raises ValueError if they are damaged or too few."""
    begin = _data_begins(head)
    if begin is None:
        raise ValueError("not a variants object")
    return begin


def _data_begins(head: bytes | bytearray | memoryview) -> int | None:
    """Returns the offset at which the data of a variants object begins. Returns None while `head` is too short. Raises
    ValueError if the object is damaged."""
    if bytes(head[: len(MAGIC)]) != MAGIC[: len(head)]:
        raise ValueError("not a variants object")
    if len(head) < HEADER:
        return None
    begin = HEADER + int.from_bytes(head[len(MAGIC) : HEADER], "big")
    if begin > _INDEX_LARGEST:
        raise ValueError("a damaged variants object")
    return begin


def _decode_index(data: bytes | bytearray | memoryview) -> dict[str, tuple[int, int]]:
    """Decodes the index of a variants object from JSON: key → (offset into the data, length). Raises ValueError if the
    index is damaged."""
    try:
        return _index_decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError("a damaged variants object") from error


class VariantsCheck:
    """Verifies a variants object that arrives in pieces. Each variant must decode to content with the hash in its
    key."""

    def __init__(self) -> None:
        self._head: bytearray | None = bytearray()
        self._left: list[tuple[int, int, str]] = []
        self._at = 0
        self._file: _Content | _Section | None = None

    def feed(self, data: bytes) -> None:
        """Verifies the next bytes of the object. Raises ValueError if they do not match."""
        if self._head is not None:
            self._head += data
            begin = _data_begins(self._head)
            if begin is None or len(self._head) < begin:
                return
            index = _decode_index(self._head[HEADER:begin])
            self._left = sorted(((offset, length, digest) for digest, (offset, length) in index.items()), reverse=True)
            data = bytes(self._head[begin:])
            self._head = None
        view = memoryview(data)
        while self._left and len(view) > 0:
            offset, length, digest = self._left[-1]
            if self._file is None:
                if offset < self._at or length <= 0:
                    raise ValueError("its index is wrong")
                between = min(offset - self._at, len(view))
                self._at += between
                view = view[between:]
                if self._at < offset:
                    return
                self._file = _check_of(digest)
            piece = view[: offset + length - self._at]
            self._file.feed(bytes(piece))
            view = view[len(piece) :]
            self._at += len(piece)
            if self._at == offset + length:
                self._file.finish()
                self._file = None
                self._left.pop()

    def finish(self) -> None:
        """Checks the end of the object. Raises ValueError if bytes are missing."""
        if self._head is not None or self._left:
            raise ValueError("it is incomplete")


class _Content:
    """Decodes one variant, and compares its content with the file's hash."""

    def __init__(self, sha256: str, coding: Coding) -> None:
        self._expected = sha256
        self._coding = coding
        self._digest = hashlib.sha256()
        self._size = 0
        self._brotli = brotli.Decompressor()
        self._gzip = zlib.decompressobj(31)
        self._zstd = _zstd()

    def _take(self, content: bytes) -> None:
        self._digest.update(content)
        self._size += len(content)
        if self._size > LARGEST:
            raise ValueError("a variant is longer than any file")

    def feed(self, data: bytes) -> None:
        try:
            if self._coding == "zstd":
                self._feed_zstd(data)
            elif self._coding == "br":
                # After `process` has accepted all input, the decoder may still hold output.
                out = self._brotli.process(data, output_buffer_limit=_PIECE)
                while out:
                    self._take(out)
                    out = self._brotli.process(b"", output_buffer_limit=_PIECE)
            else:
                out = self._gzip.decompress(data, _PIECE)
                while out or self._gzip.unconsumed_tail:
                    self._take(out)
                    out = self._gzip.decompress(self._gzip.unconsumed_tail, _PIECE)
        except (brotli.error, zlib.error, zstandard.ZstdError) as error:
            raise ValueError("a variant cannot be read") from error

    def finish(self) -> None:
        is_whole = {
            "br": self._brotli.is_finished(),
            "gzip": self._gzip.eof and not self._gzip.unused_data,
            "zstd": self._zstd.eof,
        }[self._coding]
        if not is_whole or self._digest.hexdigest() != self._expected:
            raise ValueError("a variant does not match its file")

    def _feed_zstd(self, data: bytes) -> None:
        # Each slice is decoded in one call, because a frame of so few bytes cannot fill the memory.
        for at in range(0, len(data), _ZSTD_AT_ONCE):
            left = data[at : at + _ZSTD_AT_ONCE]
            while left:
                if self._zstd.eof:
                    self._zstd = _zstd()
                self._take(self._zstd.decompress(left))
                left = self._zstd.unused_data


def _zstd() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompressobj()


class _Section:
    """Compares stored restart points with their SHA-256, which is stored in front of them."""

    def __init__(self) -> None:
        self._expected = b""
        self._digest = hashlib.sha256()

    def feed(self, data: bytes) -> None:
        more = self._digest.digest_size - len(self._expected)
        self._expected += data[:more]
        self._digest.update(data[more:])

    def finish(self) -> None:
        if self._digest.digest() != self._expected:
            raise ValueError("restart points do not match their hash")


def _check_of(key: str) -> _Content | _Section:
    if key.endswith(RESTARTS):
        return _Section()
    sha256, _, coding = key.partition(".")
    return _Content(sha256, "zstd" if coding == "zstd" else "gzip" if coding == "gzip" else "br")
