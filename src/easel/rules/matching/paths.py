"""A request's path for rules: its segments, decoded once, and the encoding of captured strings."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

import msgspec

from easel.composed import composed

ENCODED_SLASH = "\0"
"""Stands for a `%2F` in a decoded segment, because an escaped slash belongs to a name and separates nothing. Paths with
a NUL are refused earlier."""
LONGEST_PATH = 16_384
"""Maximum number of characters of a path that rules match."""
MOST_SEGMENTS = 1_024

ESCAPED_SLASH = re.compile("%2f", re.IGNORECASE)
_PATH_SAFE = "/-._~!$&'()*+,;=:@"
_QUERY_SAFE = "-._~!$'()*,;:@/?"


class RequestPath(msgspec.Struct, frozen=True):
    """The segments of a path, percent-decoded (RFC 3986 §2.1) and in NFC. '/a/' has ('a', ''), '/' has ('',)."""

    segments: tuple[str, ...]

    @property
    def bare(self) -> tuple[str, ...]:
        """Returns the segments without the empty segments at the end. Thus '/a/' and '/a' have the same segments, and
        '/' has none."""
        stop = len(self.segments)
        while stop and not self.segments[stop - 1]:
            stop -= 1
        return self.segments[:stop]


def read_path(raw: str) -> RequestPath | None:
    """Returns the path of a request target (without its query). Returns None if no rule can match the path, because it
    is too long, not UTF-8, or contains a NUL."""
    if not raw.startswith("/") or len(raw) > LONGEST_PATH or raw.count("/") > MOST_SEGMENTS:
        return None
    if "%" not in raw and raw.isascii():
        return None if ENCODED_SLASH in raw else RequestPath(tuple(raw[1:].split("/")))
    if "%00" in raw or ENCODED_SLASH in raw:
        return None
    try:
        # Bytes beyond ASCII were decoded as Latin-1, as HTTP does.
        sent = ESCAPED_SLASH.sub("%00", raw).encode("latin-1")
    except UnicodeEncodeError:
        sent = ESCAPED_SLASH.sub("%00", raw).encode()
    try:
        path = unquote_to_bytes(sent).decode()
    except UnicodeDecodeError:
        return None
    return RequestPath(tuple(composed(path)[1:].split("/")))


def escaped_for_path(caught: str) -> str:
    """Returns a captured string, encoded for the path of a URL."""
    return quote(caught, safe=_PATH_SAFE).replace("%00", "%2F")


def escaped_for_query(caught: str) -> str:
    """Returns a captured string, encoded for a value in the query of a URL."""
    return quote(caught.replace(ENCODED_SLASH, "/"), safe=_QUERY_SAFE)
