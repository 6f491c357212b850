"""Reading the files of a version out of its bundles: whole, in pieces, or as the gzip body they almost are."""

from __future__ import annotations

from collections.abc import Iterator

from easel.bundles.inflate import CHUNK, DamagedDataError, inflate, inflated, raw
from easel.bundles.models import STORED, Member

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""RFC 1952 §2.3: deflate, no flags, no time, unknown system."""


def content(member: Member, bundle_bytes: memoryview) -> bytes:
    """The file's content. Raises DamagedDataError."""
    whole = inflated(raw(member, bundle_bytes), member.method, member.size)
    if len(whole) != member.size:
        raise DamagedDataError("the file has another length than it was recorded with")
    return whole


def chunks(
    member: Member, bundle_bytes: memoryview, start: int = 0, stop: int | None = None, chunk_size: int = CHUNK
) -> Iterator[bytes]:
    """The content from byte `start` up to `stop` in pieces of at most `chunk_size` bytes.

    What lies before `start` has to be inflated as well, unless the member is stored. Raises DamagedDataError, also
    when the content ends early: by then the pieces before have been given.
    """
    end = member.size if stop is None else min(stop, member.size)
    if start >= end:
        return
    if member.method == STORED:
        data, at = raw(member, bundle_bytes)[start:end], start
    else:
        data, at = raw(member, bundle_bytes), 0
    for piece in inflate(data, member.method, chunk_size):
        following = at + len(piece)
        if following > start:
            yield piece[max(0, start - at) : end - at]
        at = following
        if at >= end:
            return
    raise DamagedDataError("the file is shorter than it was recorded")


def gzip_frame(member: Member) -> tuple[bytes, bytes]:
    """What stands before and after a deflated member's raw bytes to make them a gzip body (RFC 1952 §2.3)."""
    return GZIP_HEADER, member.crc.to_bytes(4, "little") + (member.size & 0xFFFF_FFFF).to_bytes(4, "little")
