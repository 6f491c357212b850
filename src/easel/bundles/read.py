"""Reading the files of a version out of its bundles: whole, in pieces, or as the gzip body they almost are."""

from __future__ import annotations

from collections.abc import Iterator

from easel.bundles.inflate import CHUNK, inflate, inflated, raw
from easel.bundles.models import STORED, Member

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""RFC 1952 §2.3: deflate, no flags, no time, unknown system."""


def content(member: Member, bundle: memoryview) -> bytes:
    """The file's content. Raises DamagedDataError."""
    return inflated(raw(member, bundle), member.method, member.size)


def chunks(
    member: Member, bundle: memoryview, start: int = 0, stop: int | None = None, chunk: int = CHUNK
) -> Iterator[bytes]:
    """The content from byte `start` up to `stop` in pieces of at most `chunk` bytes. Raises DamagedDataError."""
    end = member.size if stop is None else min(stop, member.size)
    if member.method == STORED:
        yield from inflate(raw(member, bundle)[start:end], STORED, chunk)
        return
    at = 0
    for piece in inflate(raw(member, bundle), member.method, chunk):
        following = at + len(piece)
        if following > start and at < end:
            yield piece[max(0, start - at) : end - at]
        at = following
        if at >= end:
            return


def gzip_frame(member: Member) -> tuple[bytes, bytes]:
    """What stands before and after a deflated member's raw bytes to make them a gzip body (RFC 1952 §2.3)."""
    return GZIP_HEADER, member.crc.to_bytes(4, "little") + (member.size & 0xFFFF_FFFF).to_bytes(4, "little")
