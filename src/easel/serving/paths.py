"""The parts of a request's target: its path, decoded once, and its query."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from easel.bundles.names import MAX_NAME_BYTES
from easel.composed import composed
from easel.serving.errors import PathInvalidError

_LONGEST = 3 * MAX_NAME_BYTES
"""Maximum length (characters) of a path that can name a file after NFC, which can shrink its UTF-8 to a third."""
_SLASHES = re.compile("//+")
_IN_PATH: Final = "/-._~!$&'()*+,;=:@"
_IN_QUERY: Final = "!$%&'()*+,-./:;=?@[]_~"
"""Characters that stay as they are in the path and query of a Location; all others are escaped."""


class Address(NamedTuple):
    """The requested address on its host.

    `path` has no leading '/', is decoded once (RFC 3986 §2.1) and normalised to NFC. An encoded slash stays `%2F`, and
    repeated slashes become one. `query` is as sent, without its '?'. `names_file` is false if the path cannot name a
    file. `is_plain` is true if the path was sent exactly as it is here.
    """

    path: str
    query: str
    names_file: bool
    is_plain: bool

    @property
    def prefix(self) -> str:
        """The first segment of the path."""
        return self.path.partition("/")[0]


def read_target(target: str) -> Address:
    """Reads the address from a request's target (its bytes, decoded as Latin-1).

    Raises PathInvalidError if the path does not begin with a slash, or has `.` or `..` as a segment: every client
    resolves these before it sends a request.
    """
    raw, _, query = target.partition("?")
    if not raw.startswith("/"):
        raise PathInvalidError(reason="its path does not begin with a slash")
    if "%" not in raw and "\\" not in raw and "/." not in raw and "//" not in raw and raw.isascii():
        return Address(raw[1:], query, True, True)
    single = _SLASHES.sub("/", raw)
    path, names_file = _decoded(single[1:])
    if any(part in (".", "..") for part in path.split("/")):
        raise PathInvalidError(reason="its path holds `.` or `..`")
    if len(path) > _LONGEST:
        return Address(path, query, False, False)
    return Address(composed(path), query, names_file, path == raw[1:])


def location(path: str, query: str) -> str:
    """A Location on the same host, from a decoded path and a query as sent."""
    # A client would read a path with two leading slashes as another host.
    place = "/" + quote(path.lstrip("/"), safe=_IN_PATH)
    return f"{place}?{quote(query, safe=_IN_QUERY, encoding='latin-1')}" if query else place


def own_location(target: str) -> str:
    """A Location that equals the requested address."""
    path, _, query = target.partition("?")
    place = "/" + quote(path.lstrip("/"), safe=_IN_PATH + "%", encoding="latin-1")
    return f"{place}?{quote(query, safe=_IN_QUERY, encoding='latin-1')}" if query else place


def _decoded(raw: str) -> tuple[str, bool]:
    """The decoded path, and whether it can name a file: names are UTF-8 without slashes, backslashes and NULs."""
    slashed = "%2f" in raw or "%2F" in raw
    if slashed:
        raw = raw.replace("%2f", "%252F").replace("%2F", "%252F")
    data = unquote_to_bytes(raw.encode("latin-1"))
    try:
        path = data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), False
    return path, not (slashed or "\\" in path or "\0" in path)
