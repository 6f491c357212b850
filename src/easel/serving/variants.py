"""Better-compressed variants of a version's text files, in one object beside its bundle.

The object: the magic `EASELV1\\n`, the length of the index (8 bytes, big-endian), the index as JSON
(content hash → [offset, length] into the data), and the data: one brotli stream (RFC 7932) per file.
"""

from __future__ import annotations

from collections.abc import Callable

import brotli
import msgspec

from easel.bundles.models import Manifest, Member
from easel.bundles.types import is_text

MAGIC = b"EASELV1\n"
LARGEST = 32 * 1024 * 1024
"""The largest file (bytes) that a variant is made of."""
WORTH_IT = 0.97
"""A variant is kept if it is at most this share of what lies in the bundle."""
_HEADER = len(MAGIC) + 8
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
    file costs about a second at the most. None once `should_stop` says so.
    """
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
        small = brotli.compress(read(member), quality=_quality(member.size))
        if len(small) <= member.length * WORTH_IT:
            index[member.hash] = (offset, len(small))
            pieces.append(small)
            offset += len(small)
    encoded = msgspec.json.encode(index)
    return b"".join((MAGIC, len(encoded).to_bytes(8, "big"), encoded, *pieces))


def read_index(data: memoryview) -> dict[str, tuple[int, int]]:
    """Content hash → (offset into the object, length) of every variant in it. Raises ValueError when damaged."""
    if bytes(data[: len(MAGIC)]) != MAGIC:
        raise ValueError("not a variants object")
    size = int.from_bytes(data[len(MAGIC) : _HEADER], "big")
    begin = _HEADER + size
    try:
        index = _index_decoder.decode(data[_HEADER:begin])
    except msgspec.MsgspecError as error:
        raise ValueError("a damaged variants object") from error
    if any(offset < 0 or length <= 0 or begin + offset + length > len(data) for offset, length in index.values()):
        raise ValueError("a variants object that is cut off")
    return {digest: (begin + offset, length) for digest, (offset, length) in index.items()}


def _quality(size: int) -> int:
    if size <= 128 * 1024:
        return 11
    return 9 if size <= 2 * 1024 * 1024 else 5
