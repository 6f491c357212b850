"""Reads the files of a version from its bundles, as plain content or as a gzip body."""

from __future__ import annotations

from easel.bundles.inflate import DamagedDataError, inflated, raw
from easel.bundles.models import Member

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""The header of a gzip body (RFC 1952 §2.3): deflate, no flags, no time, unknown system."""
_GZIP_TRAILER = 8


def content(member: Member, bundle_bytes: memoryview) -> bytes:
    """Returns the uncompressed content of a file. Raises DamagedDataError."""
    whole = inflated(raw(member, bundle_bytes), member.method, member.size)
    if len(whole) != member.size:
        raise DamagedDataError("the length of the file differs from the recorded length")
    return whole


def gzip_length(member: Member) -> int:
    """Returns the length (bytes) of the gzip body that a deflated member becomes."""
    return len(GZIP_HEADER) + member.length + _GZIP_TRAILER


def gzip_frame(member: Member) -> tuple[bytes, bytes]:
    """Returns the header and the trailer that make a deflated member's raw data a gzip body (RFC 1952 §2.3)."""
    return GZIP_HEADER, member.crc.to_bytes(4, "little") + (member.size & 0xFFFF_FFFF).to_bytes(4, "little")
