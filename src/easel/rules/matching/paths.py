"""Prepares a request's path for rules: splits it into segments, decodes it once, and encodes captured strings again."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

import msgspec

from easel.composed import composed

ENCODED_SLASH = "\0"
"""Stands for a `%2F` in a decoded segment. An escaped slash belongs to a name and separates no segments. Paths with a
NUL are refused earlier."""
LONGEST_PATH = 16_384
"""Maximum number of characters of a path that rules can match."""
MOST_SEGMENTS = 1_024

ESCAPED_SLASH = re.compile("%2f", re.IGNORECASE)
_RESERVED = re.compile("%(2[1468-9a-c]|3[abd]|40|5[bd]|7c)", re.IGNORECASE)
"""A pattern for escapes of characters that have another meaning if they are not escaped (RFC 3986 §2.2)."""
_MARK = 0xDC00
"""The first of the marks: lone surrogates, which no UTF-8 contains. Each stands for a reserved character that was sent
as an escape."""
_MARKS = {f"%{code:02X}": quote(chr(_MARK + code), errors="surrogatepass") for code in range(0x21, 0x7D)}
_KEPT = re.compile("[\udc21-\udc7c]")
_PATH_SAFE = "/-._~!$&'()*+,;=:@"
_QUERY_SAFE = "-._~!$'()*,;:@/?"


class RequestPath(msgspec.Struct, frozen=True):
    """The segments of a request's path, percent-decoded (RFC 3986 §2.1) and in NFC. '/a/' has ('a', ''), '/' has
    ('',)."""

    segments: tuple[str, ...]

    @property
    def bare(self) -> tuple[str, ...]:
        """Returns the path's segments without the empty segments at the end. Thus '/a/' and '/a' have the same
        segments, and '/' has none."""
        stop = len(self.segments)
        while stop and not self.segments[stop - 1]:
            stop -= 1
        return self.segments[:stop]


def read_path(raw: str) -> RequestPath | None:
    """Splits the path of a request target (without its query) into decoded segments. Returns None if no rule can match
    the path, because it is too long, not UTF-8, or contains a NUL."""
    if not raw.startswith("/") or len(raw) > LONGEST_PATH or raw.count("/") > MOST_SEGMENTS:
        return None
    if "%" not in raw and raw.isascii():
        return None if ENCODED_SLASH in raw else RequestPath(tuple(raw[1:].split("/")))
    if "%00" in raw or ENCODED_SLASH in raw:
        return None
    try:
        return _decoded(raw, "strict")
    except UnicodeDecodeError:
        return None


def _decoded(raw: str, errors: str) -> RequestPath:
    escaped = ESCAPED_SLASH.sub("%00", raw)
    try:
        # The path was decoded as Latin-1, as HTTP does, so it is encoded again, and then decoded as UTF-8.
        sent = escaped.encode("latin-1")
    except UnicodeEncodeError:
        sent = escaped.encode()
    return RequestPath(tuple(composed(unquote_to_bytes(sent).decode(errors=errors))[1:].split("/")))


def as_sent(raw: str) -> RequestPath | None:
    """Splits a path into decoded segments in which each escape of a reserved character is a mark, so that
    `escaped_for_path` can write it as it was sent. Returns None if the path has no such escape, or if no rule can match
    it."""
    if "%" not in raw or _RESERVED.search(raw) is None or read_path(raw) is None:
        return None
    return _decoded(_RESERVED.sub(lambda found: _MARKS[found[0].upper()], raw), "surrogatepass")


def without_marks(caught: str) -> str:
    """Returns a captured string with each mark (see `as_sent`) replaced by its character."""
    return caught if caught.isascii() else _KEPT.sub(lambda mark: chr(ord(mark[0]) - _MARK), caught)


def escaped(caught: str, safe: str) -> str:
    """Percent-encodes a captured string (RFC 3986 §2.1). Characters of `safe` are not encoded."""
    if caught.isascii() or (kept := _KEPT.findall(caught)) == []:
        return quote(caught, safe=safe).replace("%00", "%2F")
    texts = [quote(text, safe=safe).replace("%00", "%2F") for text in _KEPT.split(caught)]
    return texts[0] + "".join(f"%{ord(mark) - _MARK:02X}{text}" for mark, text in zip(kept, texts[1:], strict=True))


def escaped_for_path(caught: str, also: str = "") -> str:
    """Percent-encodes a captured string for the path of a URL. Characters of `also` are not encoded."""
    return escaped(caught, _PATH_SAFE + also)


def escaped_for_query(caught: str) -> str:
    """Percent-encodes a captured string for a value in the query of a URL."""
    return escaped(caught, _QUERY_SAFE)
