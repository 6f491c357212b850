"""Where a line leads, with what was caught put in, spelled for the place where it stands."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from easel.rules.matching.paths import spelled_in_path, spelled_in_query
from easel.rules.matching.pattern import split

_LITERAL = "%/-._~!$&'()*+,;=:@?#[]"
_QUERY = "!$%&'()*+,-./:;=?@[]_~"
SLASHES = re.compile("/{2,}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")

_Place = Literal["host", "path", "query"]


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    is_name: bool
    place: _Place


class Target:
    """The target of a line, taken apart once.

    With `collapses`, slashes side by side in the path become one.
    """

    def __init__(self, text: str, names: Collection[str], *, collapses: bool = False) -> None:
        self._text = text
        self._collapses = collapses
        self._pieces = tuple(_pieces(text, names))
        self._has_query = "?" in text

    def path(self, caught: Mapping[str, str]) -> str:
        """The path of the app (decoded, with its leading slash) whose content is given, without query and fragment."""
        parts = (piece for piece in self._pieces if piece.place == "path")
        return "".join(caught[piece.text] if piece.is_name else unquote(piece.text) for piece in parts)

    def location(self, caught: Mapping[str, str], query: str) -> str | None:
        """The Location of the redirect, with the request's query where the target has none of its own.

        None when what was caught cannot stand in a host's name.
        """
        parts: dict[_Place, str] = {"host": "", "path": "", "query": ""}
        for piece in self._pieces:
            spelled = _spelled(caught[piece.text], piece.place) if piece.is_name else piece.text
            parts[piece.place] += spelled
        host, path = parts["host"], parts["path"]
        if host and not _HOST.match(host.partition("://")[2].partition(":")[0]):
            return None
        if self._collapses:
            path = SLASHES.sub("/", path)
        elif not host and not self._text.startswith("//"):
            # What was caught may begin with a slash, and two in front would be read as another host.
            path = "/" + path.lstrip("/")
        address = host + (path or "/")
        if query and not self._has_query:
            tail, sharp, fragment = parts["query"].partition("#")
            return f"{address}?{quote(query, safe=_QUERY)}{tail}{sharp}{fragment}"
        return address + parts["query"]


def _spelled(caught: str, place: _Place) -> str:
    if place == "host":
        return caught
    return spelled_in_path(caught) if place == "path" else spelled_in_query(caught)


def _pieces(text: str, names: Collection[str]) -> list[_Piece]:
    """The pieces of a target, each with the place where it stands."""
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
            pieces.append(_Piece(quote(rest[:at], safe=_LITERAL), False, "path"))
            rest = rest[at:]
            place = "query" if rest else "path"
        if place == "query" and rest:
            pieces.append(_Piece(quote(rest, safe=_LITERAL), False, "query"))
    return pieces


def _end_of_host(text: str, *, after_scheme: bool) -> int:
    start = text.index("://") + 3 if after_scheme else 0
    return next((at for at in range(start, len(text)) if text[at] in "/?#"), len(text))
