"""Better-compressed variants of a version's text files, in one object beside its bundle.

The object: the magic `EASELV1\\n`, the length of the index (8 bytes, big-endian), the index as JSON
(content hash → [offset, length] into the data), and the data: one brotli stream (RFC 7932) per file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import brotli
import msgspec

from easel.bundles.models import ZSTANDARD, Manifest, Member
from easel.bundles.slices import AT_ONCE, entries, is_closed
from easel.bundles.types import is_text

MAGIC = b"EASELV1\n"
LARGEST = 32 * 1024 * 1024
"""The largest file (bytes) that a variant is made of."""
THOROUGHLY = 16 * 1024 * 1024
"""Bytes of a version's text that are made as small as they can be, which takes some 20 seconds; of what is beyond them
each takes a fiftieth of the time."""
WORTH_IT = 0.97
"""A variant is kept if it is at most this share of what lies in the bundle."""
_QUICK = 5
_HEADER = len(MAGIC) + 8
_INDEX_LARGEST = 64 * 1024 * 1024
"""Bytes; that of a hundred thousand files takes a sixth of it."""
_PIECE = 256 * 1024
_index_decoder = msgspec.json.Decoder(dict[str, tuple[int, int]])


def build_variants(
    manifest: Manifest,
    read: Callable[[Member], bytes],
    *,
    min_size: int = 1024,
    should_stop: Callable[[], bool] | None = None,
) -> bytes | None:
    """The variants object for a manifest: brotli for every text file that it makes smaller than it lies in its bundle.

    Pages are left out, since they are changed when they are served. The quality falls with the size, so that a large
    file costs about a second at the most, and after `THOROUGHLY` for all, so that no app's files keep those of others
    waiting for long. None once `should_stop` says so.
    """
    left = THOROUGHLY
    index: dict[str, tuple[int, int]] = {}
    pieces: list[bytes] = []
    offset = 0
    for member in manifest.files.values():
        if should_stop is not None and should_stop():
            return None
        if not min_size <= member.size <= LARGEST or member.hash in index:
            continue
        if not is_text(member.type) or "html" in member.type:
            continue
        small = brotli.compress(read(member), quality=_quality(member.size) if left > 0 else _QUICK)
        left -= member.size
        # Clients are sent what is deflated as it lies, and Zstandard's data inflated.
        if len(small) <= (member.size if member.method == ZSTANDARD else member.length) * WORTH_IT:
            index[member.hash] = (offset, len(small))
            pieces.append(small)
            offset += len(small)
    encoded = msgspec.json.encode(index)
    return b"".join((MAGIC, len(encoded).to_bytes(8, "big"), encoded, *pieces))


def read_index(data: memoryview) -> Iterator[dict[str, tuple[int, int]] | None]:
    """Content hash → (offset into the object, length) of every variant in it: None after every slice of a large one,
    and at last all of it. Raises ValueError when damaged."""
    begin = _data_begins(data)
    if begin is None:
        raise ValueError("not a variants object")
    encoded = bytes(data[_HEADER:begin])
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
    """The same with offsets into the object, whose data begins at `begin`. Raises ValueError when it is cut off."""
    if any(offset < 0 or length <= 0 or begin + offset + length > size for offset, length in index.values()):
        raise ValueError("a variants object that is cut off")
    return {digest: (begin + offset, length) for digest, (offset, length) in index.items()}


def _data_begins(head: bytes | bytearray | memoryview) -> int | None:
    """Where the data begins, or None as long as the header is not all there. Raises ValueError when damaged."""
    if bytes(head[: len(MAGIC)]) != MAGIC[: len(head)]:
        raise ValueError("not a variants object")
    if len(head) < _HEADER:
        return None
    begin = _HEADER + int.from_bytes(head[len(MAGIC) : _HEADER], "big")
    if begin > _INDEX_LARGEST:
        raise ValueError("a damaged variants object")
    return begin


def _decode_index(data: bytes | bytearray | memoryview) -> dict[str, tuple[int, int]]:
    """Content hash → (offset into the data, length). Raises ValueError when damaged."""
    try:
        return _index_decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError("a damaged variants object") from error


class VariantsCheck:
    """Holds a variants object, whose bytes come piece by piece, against the hashes of the files it was made of."""

    def __init__(self) -> None:
        self._head: bytearray | None = bytearray()
        self._left: list[tuple[int, int, str]] = []
        self._at = 0
        self._file: _Inflating | None = None

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises ValueError where they are not what they should be."""
        if self._head is not None:
            self._head += data
            begin = _data_begins(self._head)
            if begin is None or len(self._head) < begin:
                return
            index = _decode_index(self._head[_HEADER:begin])
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
                self._file = _Inflating(digest)
            piece = view[: offset + length - self._at]
            self._file.feed(bytes(piece))
            view = view[len(piece) :]
            self._at += len(piece)
            if self._at == offset + length:
                self._file.finish()
                self._file = None
                self._left.pop()

    def finish(self) -> None:
        """Raises ValueError if more should have come."""
        if self._head is not None or self._left:
            raise ValueError("it is cut off")


class _Inflating:
    """One file's brotli stream, held against the file's hash."""

    def __init__(self, sha256: str) -> None:
        self._expected = sha256
        self._digest = hashlib.sha256()
        self._size = 0
        self._stream = brotli.Decompressor()

    def feed(self, data: bytes) -> None:
        try:
            out = self._stream.process(data, output_buffer_limit=_PIECE)
            while True:
                self._digest.update(out)
                self._size += len(out)
                if self._size > LARGEST:
                    raise ValueError("a variant is longer than any file")
                if self._stream.can_accept_more_data():
                    return
                out = self._stream.process(b"", output_buffer_limit=_PIECE)
        except brotli.error as error:
            raise ValueError("a variant cannot be read") from error

    def finish(self) -> None:
        if not self._stream.is_finished() or self._digest.hexdigest() != self._expected:
            raise ValueError("a variant is not what its file is")


def _quality(size: int) -> int:
    if size <= 128 * 1024:
        return 11
    return 9 if size <= 2 * 1024 * 1024 else _QUICK
