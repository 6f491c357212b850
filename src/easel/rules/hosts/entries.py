"""The common part of reading other hosting providers' configuration files: each entry is put in force or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

import msgspec

from easel.rules.files.headers import GUARDS, header_reason
from easel.rules.files.lines import shown
from easel.rules.files.reading import BadLineError, Reading
from easel.rules.hosts.forms import Form
from easel.rules.models import HeaderBlock, Pages, Redirect

T = TypeVar("T")

MOST_ENTRIES = 20_000
"""Maximum number of entries of a list in a configuration file that are read."""
MOST_FORMS = 32
"""Maximum number of patterns into which the source of one entry expands."""
MOST_EXCEPTIONS = 100
"""Maximum number of patterns that one entry excludes."""
_LONGEST = 8_000


NONE_IN_FORCE = "None of its rules is in force."
_AT = re.compile(r" - at `\$\.?([^`]*)`\Z")
_INDEX = re.compile(r"\[([0-9]{1,9})\]")
_TYPES = {
    "`str`": "a string",
    "`int`": "an integer",
    "`array`": "a list",
    "`object`": "a table",
    "`bool`": "true or false",
}


def _plainly(reason: str) -> str:
    """Returns a parser's reason in plain words. Entries of lists are counted from 1, as in all other remarks."""
    if reason == "Input data was truncated":
        return "it ends too early, so a bracket or a quotation mark is probably missing"
    if found := _AT.search(reason):
        place = _INDEX.sub(lambda number: f", entry {int(number[1]) + 1}, ", found[1]).replace(" .", " ").strip(", ")
        reason = f"{reason[: found.start()]} at `{place}`" if place else reason[: found.start()]
    for kind, word in _TYPES.items():
        reason = reason.replace(kind, word)
    return reason


def decoded(name: str, kind: type[T], read: Callable[[], object], reading: Reading, *, guards: bool) -> T | None:
    """Decodes a configuration file into a value of the type `kind`. `read` parses its text. If that fails, refuses the
    file and returns None. If a value has the wrong type, the reason contains its place in the file."""
    try:
        return msgspec.convert(read(), kind, strict=False)
    except (ValueError, RecursionError) as error:
        # The errors of TOML, JSON and msgspec are subclasses of ValueError.
        reading.refuse(
            name, 0, name, f"it cannot be read: {_plainly(str(error)[:200])}. {NONE_IN_FORCE}", guards=guards
        )
        return None


def pages_of(*, clean: bool, slash: bool | None) -> Pages:
    """Returns the handling of pages' addresses for the settings `cleanUrls` and `trailingSlash`, which Vercel and
    Firebase share.

    If `trailingSlash` is not set, a folder's page is served at `/docs/`, because relative links in it work only there.
    If only `trailingSlash` is set, these providers leave the addresses of files (`/about.html`) unchanged.
    """
    if slash is None:
        return "auto-trailing-slash" if clean else ""
    if slash:
        return "force-trailing-slash" if clean else ""
    return "drop-trailing-slash"


class Entries:
    """Reads one list of a configuration file. Puts its valid entries in force, and refuses all others. Messages contain
    the number of the entry (counted from 1)."""

    def __init__(self, file: str, reading: Reading) -> None:
        self.file = file
        self._reading = reading
        self.number = 0

    def next(self, text: str, *, guards: bool = False) -> bool:
        """Moves to the next entry of the list. If the entry is too long or beyond the limit, refuses the entry and
        returns false. `guards` is true if the entry protects something from visitors."""
        self.number += 1
        if self.number > MOST_ENTRIES or len(text) > _LONGEST:
            self.refuse(text[:100], "it is too long, or it exceeds the limit of entries.", guards=guards)
            return False
        return True

    def refuse(self, text: str, reason: str, *, guards: bool = False) -> None:
        """Refuses the current entry of the list."""
        self._reading.refuse(self.file, self.number, text, reason, guards=guards)

    def note(self, text: str) -> None:
        """Adds a remark on the current entry of the list."""
        self._reading.note(self.file, self.number, text)

    def exceptions(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Returns the given patterns that the current entry can exclude. Adds a remark on every other pattern."""
        kept = []
        for path in islice(paths, MOST_EXCEPTIONS):
            try:
                self._reading.pattern_of_block(path)
                kept.append(path)
            except BadLineError as bad:
                self.note(f"the rule also applies to `{shown(path)}`, because this exclusion is not supported: {bad}")
        return tuple(kept)

    def redirect(self, redirect: Redirect) -> None:
        """Puts a redirect line from the current entry in force. If it cannot be applied, refuses the entry."""
        try:
            self._reading.add(msgspec.structs.replace(redirect, file=self.file, line=self.number))
        except BadLineError as bad:
            self.refuse(redirect.source, str(bad), guards=bad.guards)

    def headers(
        self,
        path: str,
        headers: Iterable[tuple[str, str]],
        *,
        host: str = "",
        excepts: tuple[str, ...] = (),
        form: Form | None = None,
        fills: bool = False,
    ) -> None:
        """Puts the headers of a path in force, except those that no rule may set. If a name occurs twice, the last
        value is used, as hosting providers do. Set-Cookie keeps all its values. An empty value removes the header, as
        on Azure. With a form, the path is its path, its limits apply, and letters match in the same case only. With
        `fills`, captured text replaces the placeholders in values."""
        try:
            pattern = self._reading.pattern_of_block(path)
        except BadLineError as bad:
            self.refuse(path, str(bad))
            return
        kept: list[tuple[str, str | None]] = []
        for name, value in self._single(headers):
            if reason := header_reason(name, value):
                self.refuse(f"{name}: {value}", reason, guards=name.lower() in GUARDS)
            else:
                kept.append((name, value or None))
        if not kept:
            return
        block = HeaderBlock(self.number, path, tuple(kept), host, self.file, excepts, fills=fills)
        if form is not None:
            only = tuple(form.only.items())
            limits = {"excepts": form.excepts, "only": only, "conditions": form.conditions, "strict": True}
            block = msgspec.structs.replace(block, **limits)
        try:
            self._reading.add_block(block, pattern)
        except BadLineError as bad:
            self.refuse(path, str(bad))

    def _single(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        last: dict[str, tuple[str, str]] = {}
        for number, (name, value) in enumerate(headers):
            key = f"{number} of set-cookie" if name.lower() == "set-cookie" else name.lower()
            if key in last:
                self.note(f"`{shown(name)}` occurs twice, and only the last value is used, as on that host.")
            last[key] = name, value
        return list(last.values())
