"""The target of a redirect line. A captured string is encoded for the part of the URL that contains it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from easel.rules.matching.conditions import captured_names
from easel.rules.matching.paths import escaped_for_path, escaped_for_query, without_marks
from easel.rules.matching.pattern import Pattern, split
from easel.rules.matching.segments import SPLAT
from easel.rules.models import Dialect, Redirect

_LITERAL = "%/-._~!$&'()*+,;=:@?#[]"
_QUERY = "!$%&'()*+,-./:;=?@[]_~"
_URL_ALSO = "|[]"
"""Characters that a URL may contain unescaped, although a URI may not (WHATWG URL §1.3)."""
_URL_QUERY = _QUERY.replace("'", "") + "|[]\\^`{}"
_LONGEST_HOST = 253
_DIFFERING = re.compile("[\u00df\u03c2\u200c\u200d]")
"""Letters that RFC 3490 replaces or drops, but RFC 5891 keeps. A host name with such a letter may therefore be two
different hosts."""
LONGEST = 64 * 1024
"""Maximum number of characters of a Location or of a rewritten path."""
NO_PATH = "/\0"
"""A path that no file can have."""
SLASHES = re.compile("/{2,}")
_AUTHORITY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?\Z")
"""A pattern for a host's name with an optional port, matched to the end, so that a client cannot read it as another
host."""
_PLAIN_HOST = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?:[/?#]|\Z)")
_END = re.compile(r"\.[A-Za-z0-9_-][A-Za-z0-9._-]*(?::[0-9]{1,5})?\Z")
_OTHER_HOST = re.compile(r"//[A-Za-z0-9][A-Za-z0-9._-]*(?::[0-9]{1,5})?(?:[/?#]|\Z)")
"""A pattern for a target on another host that keeps the visitor's scheme. If it contained a placeholder, a visitor
would choose the host."""
_PLACEHOLDER = re.compile(r"(?<=[/=]):[A-Za-z_][A-Za-z0-9_]{0,63}")
_SCHEMES = ("http://", "https://")

_Place = Literal["host", "path", "query"]


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    is_name: bool
    place: _Place


class Target:
    """The target of a redirect line, parsed once. In Cloudflare's dialect, the target is sent in the form of a parsed
    URL (WHATWG URL §4.4), and adjacent slashes in a path of the app become one slash."""

    def __init__(self, text: str, names: Collection[str], *, is_url: bool = False) -> None:
        self._text = text
        self._is_url = is_url
        self._pieces = tuple(_pieces(text, names, _URL_ALSO if is_url else ""))
        self._names = {(piece.text, piece.place) for piece in self._pieces if piece.is_name}
        self._has_query = "?" in text.partition("#")[0]
        self._names_host = names_other_host(text)

    def reason_against(self) -> str | None:
        """Returns the reason why clients cannot be redirected to this target. Returns None if they can be. No captured
        string can change the target's host."""
        if self._text.startswith("/"):
            return None
        if not self._text.startswith(_SCHEMES):
            return "its target begins with neither `/` nor `http://` nor `https://`."
        pieces = [piece for piece in self._pieces if piece.place == "host"]
        host = "".join("a" if piece.is_name else piece.text for piece in pieces).partition("://")[2]
        if not _AUTHORITY.match(host):
            return "its target has no valid host (write non-ASCII letters as `xn--…`)."
        if any(piece.is_name for piece in pieces) and (pieces[-1].is_name or not _END.match(pieces[-1].text)):
            return "the host of its target ends with a placeholder, so visitors could choose any host."
        return None

    def path(self, caught: Mapping[str, str]) -> str:
        """Returns the path of the app (decoded, with its leading slash) whose content is sent, for these captured
        strings. Query and fragment are left out."""
        parts = (piece for piece in self._pieces if piece.place == "path")
        texts = [without_marks(caught[piece.text]) if piece.is_name else unquote(piece.text) for piece in parts]
        return "".join(texts) if sum(map(len, texts)) <= LONGEST else NO_PATH

    def start(self, caught: Mapping[str, str]) -> tuple[str, bool]:
        """Returns the target's path (decoded) up to `:splat`, and whether the path contains `:splat`."""
        parts: list[str] = []
        for piece in self._pieces:
            if piece.place != "path":
                break
            if piece.is_name and piece.text == SPLAT:
                return "".join(parts), True
            parts.append(caught[piece.text] if piece.is_name else unquote(piece.text))
        return "".join(parts), False

    def location(self, caught: Mapping[str, str], query: str) -> str | None:
        """Returns the Location of a redirect to this target, with the request's query if the target has none. Returns
        None if a captured string is not valid in a host's name. Returns None if the Location exceeds LONGEST, because a
        name may occur in it a thousand times."""
        also = _URL_ALSO if self._is_url else ""
        spelled = {key: _spelled(caught[key[0]], key[1], also) for key in self._names}
        texts = [spelled[piece.text, piece.place] if piece.is_name else piece.text for piece in self._pieces]
        if sum(map(len, texts)) + len(query) > LONGEST:
            return None
        parts: dict[_Place, str] = {"host": "", "path": "", "query": ""}
        for piece, text in zip(self._pieces, texts, strict=True):
            parts[piece.place] += text
        host, path = parts["host"], parts["path"]
        if host and not _AUTHORITY.match(host.partition("://")[2]):
            return None
        if not host and not self._names_host:
            # A captured text may begin with a slash. A client would read two leading slashes as another host.
            path = SLASHES.sub("/", path) if self._is_url else "/" + path.lstrip("/")
        if self._is_url:
            host, parts["query"] = host.lower(), parts["query"].removesuffix("#")
        address = host + (path or "/")
        if query and not self._has_query:
            tail, sharp, fragment = parts["query"].partition("#")
            safe = _URL_QUERY if self._is_url else _QUERY
            return f"{address}?{quote(query, safe=safe, encoding='latin-1')}{tail}{sharp}{fragment}"
        return address + parts["query"]


def names_host(target: str) -> bool:
    """Returns true if a redirect's target begins with a complete host name, without a port or placeholder, so that a
    visitor cannot change the host."""
    return _PLAIN_HOST.match(target) is not None


def names_other_host(target: str) -> bool:
    """Returns true if a redirect's target begins with two slashes and a complete host name, which no placeholder can
    change."""
    return _OTHER_HOST.match(target) is not None


def target_of(redirect: Redirect, pattern: Pattern, dialect: Dialect) -> Target:
    """Returns the parsed target of a redirect line. `pattern` is the parsed path of the line's source. The target may
    contain the placeholders of this path, and of the line's query, host and conditions."""
    return Target(redirect.target, _names(redirect, pattern), is_url=dialect == "cloudflare")


def not_captured(redirect: Redirect, pattern: Pattern) -> str | None:
    """Returns the first word in a line's target that looks like a placeholder (with its colon), but that the line does
    not capture. Returns None if there is none."""
    if "/:" not in redirect.target and "=:" not in redirect.target:
        return None
    words = _PLACEHOLDER.findall(redirect.target)
    if all(word[1:] in pattern.names for word in words):
        return None  # This is the result for most lines.
    names = _names(redirect, pattern)
    return next((word for word in words if not any(is_name for is_name, _ in split(word, names))), None)


def _names(redirect: Redirect, pattern: Pattern) -> set[str]:
    names = set(pattern.names) | captured_names(redirect.conditions)
    names.update(value[1:] for _, value in redirect.query if value.startswith(":"))
    labels = redirect.host.partition("://")[2].split(".")
    names.update(SPLAT if label == "*" else label[1:] for label in labels if label == "*" or label.startswith(":"))
    return names


def with_ascii_host(target: str) -> str:
    """Returns a redirect's target with its host in ASCII (RFC 3490 §4.1). Leaves a host unchanged if its ASCII form
    differs under the newer rules (RFC 5891)."""
    scheme, sign, rest = target.partition("://")
    end = _end_of_host(rest, after_scheme=False)
    host = rest[:end]
    if not sign or host.isascii() or len(host) > _LONGEST_HOST or _DIFFERING.search(host):
        return target
    try:
        return f"{scheme}://{host.encode('idna').decode()}{rest[end:]}"
    except UnicodeError:
        return target


def _spelled(caught: str, place: _Place, also: str) -> str:
    if place == "host":
        return caught
    return escaped_for_path(caught, also) if place == "path" else escaped_for_query(caught)


def _pieces(text: str, names: Collection[str], also: str) -> list[_Piece]:
    """Splits a redirect's target into pieces, each with the part of the URL that it is in. Characters of `also` are not
    escaped."""
    place: _Place = "path" if text.startswith("/") else "host"
    pieces: list[_Piece] = []
    for is_name, piece in split(text, names):
        if is_name:
            pieces.append(_Piece(piece, True, place))
            continue
        rest = piece
        if place == "host":
            at = _end_of_host(rest, after_scheme=not pieces)
            pieces.append(_Piece(rest[:at], False, "host"))
            rest = rest[at:]
            place = "path" if rest else "host"
        if place == "path" and rest:
            at = next((at for at, char in enumerate(rest) if char in "?#"), len(rest))
            pieces.append(_Piece(quote(rest[:at], safe=_LITERAL + also), False, "path"))
            rest = rest[at:]
            place = "query" if rest else "path"
        if place == "query" and rest:
            pieces.append(_Piece(quote(rest, safe=_LITERAL + also), False, "query"))
    return pieces


def _end_of_host(text: str, *, after_scheme: bool) -> int:
    start = text.find("://") + 3 if after_scheme else 0
    return next((at for at in range(start, len(text)) if text[at] in "/?#"), len(text))
