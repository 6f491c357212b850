"""Reads the target of a request: its path, which is decoded once, and its query."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import msgspec

from easel.bundles.names import MAX_NAME_BYTES
from easel.composed import composed
from easel.serving.errors import PathInvalidError

_LONGEST = 3 * MAX_NAME_BYTES
"""Maximum length (characters) of a requested path that can be the path of a file. Normalising to NFC can shrink the
UTF-8 of a path to a third."""
_SLASHES = re.compile("//+")
_DOTS = re.compile(r"(?:\.|%2e)(\.|%2e)?\Z", re.IGNORECASE)
_IN_PATH: Final = "/-._~!$&'()*+,;=:@"
_IN_QUERY: Final = "!$%&'()*+,-./:;=?@[]_~"
"""Characters that are not escaped in the path and in the query of a Location header."""


ESCAPED_SLASH: Final = "%2F"
"""The form in which an escaped slash stays in a decoded path. There, it belongs to a name and separates no segments."""


class Address(msgspec.Struct, frozen=True):
    """The path and query of a request.

    `path` has no leading '/', is decoded once (RFC 3986 §2.1) and normalised to NFC. An encoded slash stays `%2F`, and
    repeated slashes become one slash. `query` is as sent, without its '?'. `names_file` is false if no file can have
    this path. `is_plain` is true if `path` equals the path as it was sent. `has_dots` is true if a segment of the path
    was `.` or `..`.
    """

    path: str
    query: str
    names_file: bool
    is_plain: bool
    has_dots: bool = False

    @property
    def prefix(self) -> str:
        """Returns the first segment of the path, such as `api` in `api/users`."""
        return self.path.partition("/")[0]


def read_target(target: str) -> Address:
    """Reads the address from a request's target (its bytes, decoded as Latin-1).

    Resolves segments that are `.` or `..` (RFC 3986 §5.2.4). Raises PathInvalidError if the path does not begin with a
    slash.
    """
    raw, _, query = target.partition("?")
    if not raw.startswith("/"):
        raise PathInvalidError(reason="the path does not begin with a slash")
    if "%" not in raw and "\\" not in raw and "/." not in raw and "//" not in raw and raw.isascii():
        return Address(raw[1:], query, True, True)
    whole = without_dots(raw)
    path, names_file = _decoded(_SLASHES.sub("/", whole)[1:])
    has_dots = whole is not raw
    if len(path) > _LONGEST:
        return Address(path, query, False, False, has_dots)
    return Address(composed(path), query, names_file, path == raw[1:], has_dots)


def without_dots(path: str) -> str:
    """Resolves `.` and `..` segments of a path, also if they are spelled `%2e`. Returns the same object if there are no
    such segments. A path that would lead above the root leads to the root."""
    if "/." not in path and "/%2" not in path:
        return path
    segments = path[1:].split("/")
    if not any(map(_DOTS.match, segments)):
        return path
    kept: list[str] = []
    for segment in segments:
        dots = _DOTS.match(segment)
        if dots is None:
            kept.append(segment)
        elif dots[1]:
            kept[-1:] = []
    return "/" + "/".join([*kept, ""] if dots else kept)


def location(path: str, query: str) -> str:
    """Returns the value of a Location header on the same host, from a decoded path and a query as sent."""
    # If the path began with two slashes, a client would read its first segment as another host.
    place = "/" + quote(path.lstrip("/"), safe=_IN_PATH)
    return f"{place}?{quote(query, safe=_IN_QUERY, encoding='latin-1')}" if query else place


def own_location(target: str) -> str:
    """Returns the value of a Location header that leads to the requested address (`target`) again."""
    path, _, query = target.partition("?")
    place = "/" + quote(path.lstrip("/"), safe=_IN_PATH + "%", encoding="latin-1")
    return f"{place}?{quote(query, safe=_IN_QUERY, encoding='latin-1')}" if query else place


def _decoded(raw: str) -> tuple[str, bool]:
    """Returns the decoded form of a raw path, and whether a file can have this path. A file's name is UTF-8 without
    slashes, backslashes and NULs."""
    slashed = "%2f" in raw or "%2F" in raw
    if slashed:
        raw = raw.replace("%2f", "%252F").replace("%2F", "%252F")
    data = unquote_to_bytes(raw.encode("latin-1"))
    try:
        path = data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), False
    return path, not (slashed or "\\" in path or "\0" in path)
