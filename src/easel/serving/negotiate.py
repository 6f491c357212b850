"""Encodings, conditions and ranges: the ways in which HTTP chooses among representations (RFC 9110 §12 to §14)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

from easel.serving.models import Encoding

_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_TAG = re.compile(r'(?:W/)?"[^"]*"')
PREFERENCE: tuple[Encoding, ...] = ("br", "zstd", "gzip", "identity")
"""The encodings in the order of the usual size of an encoded file, the smallest first."""
_SUFFIXES: dict[Encoding, str] = {"identity": "", "gzip": "-gz", "br": "-br", "zstd": "-zst"}

Accepted = tuple[tuple[Encoding, ...], ...]
"""The encodings that a client accepts, grouped by equal weight, the greatest weight first."""


LONGEST_KEPT = 256
"""Maximum number of characters of an Accept-Encoding header whose parsed form is cached."""
_UNMENTIONED = 0.0005
"""The weight of an encoding that the client does not list. It is below the smallest weight that a client can send."""
_LONGEST_NUMBER = 18
"""Maximum number of digits of an offset in a Range header. No file has an offset with more digits."""


def acceptable(header: str | None) -> Accepted:
    """Returns the encodings that a client accepts, from its Accept-Encoding (RFC 9110 §12.5.3). Identity is always the
    last choice, because a response in an unwanted encoding is better than none."""
    if header is None:
        return (("identity",),)
    return _ranked(header) if len(header) <= LONGEST_KEPT else _ranked.__wrapped__(header)


@lru_cache(2048)
def _ranked(header: str) -> Accepted:
    weights: dict[str, float] = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = parameter[2:].strip()
                weight = float(quality) if _QUALITY.match(quality) else 0.0
        if name:
            weights["gzip" if name == "x-gzip" else name] = weight
    rest = weights.get("*", 0.0)
    # If the header does not list identity, identity is acceptable as the last choice.
    least = weights.get("*", _UNMENTIONED)
    groups: dict[float, list[Encoding]] = {}
    for encoding in PREFERENCE:
        groups.setdefault(weights.get(encoding, least if encoding == "identity" else rest), []).append(encoding)
    accepted = [tuple(groups[weight]) for weight in sorted(groups, reverse=True) if weight > 0]
    return tuple(accepted if any("identity" in equal for equal in accepted) else [*accepted, ("identity",)])


def choose_encoding(header: str | None, available: Sequence[Encoding]) -> Encoding:
    """Returns the encoding among `available` that the client's Accept-Encoding header gives the greatest weight. If
    several have the same weight, returns the first of them."""
    for equal in acceptable(header):
        for encoding in available:
            if encoding in equal:
                return encoding
    return "identity"


def etag(content_hash: str, encoding: Encoding, length: int = 0) -> str:
    """Returns the strong ETag of a representation, built from the content's hash, the encoding and the length in bytes,
    if it is known. The length is included because a later variant may compress the same content to another size."""
    return f'"{content_hash[:32]}{_SUFFIXES[encoding]}{f"{length:x}" if length and encoding != "identity" else ""}"'


@lru_cache(1024)
def http_date(seconds: int) -> str:
    """Returns a time in unix seconds as an HTTP date (RFC 9110 §5.6.7)."""
    return formatdate(seconds, usegmt=True)


def not_modified(tag: str, modified_at: int, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Returns true if the client's cached copy is still current, so that it gets a 304 (RFC 9110 §13.1.2, §13.1.3).

    If-Modified-Since counts only without If-None-Match, and only if it is equal to `modified_at`. A later date does not
    count, because a restore may make an older version current.
    """
    if if_none_match is not None:
        return if_none_match.strip() == "*" or tag in _tags(if_none_match)
    if if_modified_since is not None:
        return _seconds(if_modified_since) == modified_at
    return False


def range_applies(tag: str, modified_at: int, if_range: str | None) -> bool:
    """Returns true if the Range header of a request applies. It applies if the request has no If-Range, or if If-Range
    contains the validator (`tag` or `modified_at`) of this representation (RFC 9110 §13.1.5)."""
    if if_range is None:
        return True
    value = if_range.strip()
    if value.startswith(('"', "W/")):
        return value == tag
    return _seconds(value) == modified_at


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Returns the range that a Range header requests from a content of `size` bytes, as (start, stop). Returns None if
    the header is ignored (RFC 9110 §14.2). A request for several ranges is ignored too, because the whole content is
    always a valid response. Raises ValueError if the range is well-formed but outside the content (416)."""
    unit, _, numbers = header.partition("=")
    first, dash, last = (part.strip() for part in numbers.partition("-"))
    if unit.lstrip().lower() != "bytes" or not dash or not _is_number(first + last):
        return None
    if max(len(first), len(last)) > _LONGEST_NUMBER:
        return None
    if not first:
        length = int(last)
        if length == 0 or size == 0:
            raise ValueError("an empty suffix")
        return max(0, size - length), size
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise ValueError("past the end")
    return start, stop


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _tags(header: str) -> set[str]:
    return {tag.removeprefix("W/") for tag in _TAG.findall(header)}


def _seconds(date: str) -> int | None:
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
