"""The common part of other hosts' configuration files: each entry is put in force or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from easel.rules.files.headers import header_reason
from easel.rules.files.lines import shown
from easel.rules.files.reading import BadLineError, Reading
from easel.rules.models import HeaderBlock, Redirect

T = TypeVar("T")

MOST_ENTRIES = 20_000
"""Limit of entries of a list that are read."""
_LONGEST = 8_000


def decoded(name: str, kind: type[T], read: Callable[[], object], reading: Reading, *, guards: bool) -> T | None:
    """The file as a value of the kind; None, with the file refused, if it is unreadable. `read` gives the plain value.
    A value of the wrong type is refused with its place."""
    try:
        return msgspec.convert(read(), kind, strict=False)
    except (ValueError, RecursionError) as error:
        # ValueError is the base class of the errors of TOML, JSON and msgspec.
        reading.refuse(name, 0, name, f"it cannot be read: {str(error)[:200]}.", guards=guards)
        return None


class Entries:
    """One list of a file: puts its entries in force, and refuses the others by their number from 1."""

    def __init__(self, file: str, reading: Reading) -> None:
        self.file = file
        self._reading = reading
        self.number = 0

    def next(self, text: str, *, guards: bool = False) -> bool:
        """Moves to the next entry. Returns whether it may be read: it is not too long and not beyond the limit."""
        self.number += 1
        if self.number > MOST_ENTRIES or len(text) > _LONGEST:
            self.refuse(text[:100], "it is too long, or beyond the limit of entries.", guards=guards)
            return False
        return True

    def refuse(self, text: str, reason: str, *, guards: bool = False) -> None:
        """Refuses the entry."""
        self._reading.refuse(self.file, self.number, text, reason, guards=guards)

    def note(self, text: str) -> None:
        """Adds a remark on the entry."""
        self._reading.note(self.file, self.number, text)

    def redirect(self, redirect: Redirect) -> None:
        """Puts a redirect in force."""
        try:
            self._reading.add(msgspec.structs.replace(redirect, file=self.file, line=self.number))
        except BadLineError as bad:
            self.refuse(redirect.source, str(bad), guards=bad.guards)

    def headers(self, path: str, headers: Iterable[tuple[str, str]], *, host: str = "") -> None:
        """Puts the headers of a path in force, except those that no rule may set.

        Of a name that occurs twice, the last value counts, as on the hosts. Set-Cookie keeps all its values.
        """
        try:
            pattern = self._reading.pattern_of_block(path)
        except BadLineError as bad:
            self.refuse(path, str(bad))
            return
        kept: list[tuple[str, str | None]] = []
        for name, value in self._single(headers):
            if reason := header_reason(name, value):
                self.refuse(f"{name}: {value}", reason)
            else:
                kept.append((name, value))
        if not kept:
            return
        try:
            self._reading.add_block(HeaderBlock(self.number, path, tuple(kept), host, self.file), pattern)
        except BadLineError as bad:
            self.refuse(path, str(bad))

    def _single(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        last: dict[str, tuple[str, str]] = {}
        for number, (name, value) in enumerate(headers):
            key = f"{number} of set-cookie" if name.lower() == "set-cookie" else name.lower()
            if key in last:
                self.note(f"`{shown(name)}` occurs twice; the last value counts, as on that host.")
            last[key] = name, value
        return list(last.values())


_TOKEN = re.compile(r":(\w+)(\([^()]*\))?([*+?]?)|\(([^()]*)\)")
_ANY = {".*", ".+"}
_SEGMENT = {"[^/]+", "[^/]*", "[^/]+?"}
_LOOKAHEAD = re.compile(r"/\(\(\?!(?:api|_next|functions)\b[^()]*\)\.\*\)\Z")


def from_expression(source: str) -> tuple[str, dict[str, str]]:
    """A path-to-regexp pattern as an Easel pattern, and the names of its placeholders. Raises BadLineError if only a
    regular expression can express it."""
    if _LOOKAHEAD.match(source):
        # The usual line of a single-page app: every path except those that the platform answers.
        return "/*", {"$1": "splat"}
    names: dict[str, str] = {}
    out: list[str] = []
    at = groups = 0
    for token in _TOKEN.finditer(source):
        out.append(source[at : token.start()])
        at = token.end()
        name, inner, repeat, group = token.groups()
        expression = (inner[1:-1] if inner else None) if name else group
        if group is not None:
            groups += 1
            name = f"${groups}"
        wide = repeat in ("*", "+") or expression in _ANY
        if not wide and (repeat or (expression is not None and expression not in _SEGMENT)):
            raise BadLineError(
                f"its source has an expression, `{token[0][:40]}`, but a placeholder can only match a segment "
                f"or the rest."
            )
        ours = "splat" if wide else name.replace("$", "group")
        names[name] = ours
        out.append("*" if wide else f":{ours}")
    out.append(source[at:])
    pattern = "".join(out)
    if any(char in pattern for char in "()[]{}|^$+?\\"):
        raise BadLineError("its source has an expression that is more than placeholders.")
    return pattern if pattern.startswith("/") else f"/{pattern}", names


_REFERENCE = re.compile(r"(:\w+|\$\d+)[*+]?")


def to_ours(target: str, names: dict[str, str]) -> str:
    """A target in which Easel's placeholders replace the host's."""

    def ours(match: re.Match[str]) -> str:
        name = match[1].removeprefix(":")
        return f":{names[name]}" if name in names else match[0]

    return _REFERENCE.sub(ours, target)
