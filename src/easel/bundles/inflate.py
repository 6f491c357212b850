"""Getting a member's content out of its bundle, in memory that stays bounded whatever the data holds (RFC 1951)."""

from __future__ import annotations

from collections.abc import Iterator

from isal.igzip_lib import DECOMP_DEFLATE, IgzipDecompressor, IsalError

from easel.bundles.models import STORED, Member

CHUNK = 256 * 1024


class DamagedDataError(Exception):
    """The data cannot be inflated, or does not end where it should."""


def inflated(data: memoryview, method: int, limit: int) -> bytes:
    """The whole content of a member's data, of which no more than `limit` bytes are wanted.

    Gives up to `limit` + 1 bytes, so that the caller sees when there is more. Raises DamagedDataError.
    """
    if method == STORED:
        return bytes(data[: limit + 1])
    inflater = IgzipDecompressor(flag=DECOMP_DEFLATE)
    try:
        content = inflater.decompress(data, limit + 1)
    except IsalError as error:  # type: ignore[misc]
        raise DamagedDataError(str(error)) from error
    if len(content) <= limit and (not inflater.eof or inflater.unused_data):
        raise DamagedDataError("the compressed data does not end where it should")
    return content


def inflate(data: memoryview, method: int, chunk: int = CHUNK) -> Iterator[bytes]:
    """The content in pieces of at most `chunk` bytes, none of them empty. Raises DamagedDataError."""
    if method == STORED:
        for at in range(0, len(data), chunk):
            yield bytes(data[at : at + chunk])
        return
    inflater = IgzipDecompressor(flag=DECOMP_DEFLATE)
    at = 0
    while not inflater.eof:
        given = data[at : at + CHUNK] if inflater.needs_input else memoryview(b"")
        at += len(given)
        try:
            piece = inflater.decompress(given, chunk)
        except IsalError as error:  # type: ignore[misc]
            raise DamagedDataError(str(error)) from error
        if piece:
            yield piece
        elif not given and not inflater.eof:
            raise DamagedDataError("the compressed data is cut off")
    if inflater.unused_data or at < len(data):
        raise DamagedDataError("something follows the compressed data")


def raw(member: Member, bundle: memoryview) -> memoryview:
    """The member's bytes as they lie in its bundle, compressed or not."""
    return bundle[member.offset : member.offset + member.length]
