"""Parses a line of `_redirects` in Netlify's dialect: `from [query] to [status][!] [conditions]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from easel.rules.files.lines import shown
from easel.rules.files.reading import MOST_VALUES, BadLineError, Reading, source_of
from easel.rules.matching.paths import ESCAPED_SLASH
from easel.rules.models import REDIRECTING, REDIRECTS, Redirect

_HOST = re.compile(r"(https?)://([^/?#]*)(.*)\Z", re.IGNORECASE | re.DOTALL)
_STATUS = re.compile(r"([0-9]{1,4})(!?)")
_PLAIN = {str(status): status for status in (200, *REDIRECTING)}
_PATH = re.compile(r"/(?!\.netlify/)(?:[^/?%]++/?)*+\Z")
"""A pattern for the source of most lines: a path without a query and without two slashes in a row. Such a source needs
no further parsing."""
_CONDITIONS = {"language": "languages", "country": "countries", "cookie": "cookies"}
_TARGETS = ("/", "http://", "https://")


def netlify_line(words: list[str], number: int, reading: Reading) -> Redirect:
    """Parses the words of a redirect line. Adds remarks to `reading`. Raises BadLineError.

    The default status is 301. If the source has a wildcard and the status means success, the line needs no target,
    because the target is the source's own path. A word after the status that is not a condition has no effect.
    """
    if len(words) == 3 and words[2] in _PLAIN and _PATH.match(words[0]) and words[1].startswith("/"):
        return Redirect(number, words[0], words[1], _PLAIN[words[2]])
    host, source, query = host_and_path(words[0])
    if "//" in source:
        raise BadLineError(
            "its source has two adjacent slashes, which never match, because Easel reduces them to one in every "
            "address."
        )
    if source.startswith("/.netlify/"):
        raise BadLineError("its source is below `/.netlify/`, which belongs to Netlify.")
    rest = words[1:]
    while rest and "=" in rest[0][1:] and not rest[0].startswith(_TARGETS):
        name, _, value = rest.pop(0).partition("=")
        query = (*query, (name, value))
    target = rest.pop(0) if rest and rest[0].startswith(_TARGETS) else ""
    found = _STATUS.match(rest[0]) if rest else None
    status, forced = (int(found[1]), bool(found[2])) if found else (301, False)
    if found and found.end() < len(rest[0]) and status < 200:
        raise BadLineError(f"`{shown(rest[0])}` is not a valid status.")
    conditions = rest[1:] if found else rest
    if not found:
        reading.without_status.append(number)
    if conditions and any(word.lower().startswith("role=") for word in conditions):
        raise BadLineError("Easel does not support `Role`, so the line would match no visitor.", guards=True)
    if not target:
        if rest and not found:
            raise BadLineError("its target begins with neither `/` nor `http://` nor `https://`.")
        if found is None or not source.endswith("/*") or not 200 <= status < 300:
            raise BadLineError("it has no target.", guards=forced and status >= 400)
        target = f"{source[:-1]}:splat"
    elif rest and not found and "=" not in rest[0] and rest[0] != "!":
        raise BadLineError(f"`{shown(rest[0])}` is not a valid status.")
    fitting = Conditions()
    for word in conditions:
        name, _, value = word.partition("=")
        values = [part for part in value.split(",", MOST_VALUES)[:MOST_VALUES] if part]
        if not values or not fitting.take(name, values):
            reading.note(REDIRECTS, number, f"`{shown(word)}` has no effect.")
    return Redirect(
        number,
        source,
        target,
        status,
        forced,
        host,
        query,
        languages=fitting.languages,
        countries=fitting.countries,
        cookies=fitting.cookies,
    )


def host_and_path(word: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Splits the source of a redirect line into the host pattern ('' if there is none), the path pattern and the query
    parameters."""
    host = ""
    if not word.startswith("/") and (match := _HOST.match(word)):
        host, word = f"{match[1].lower()}://{match[2].lower()}", match[3] or "/"
    source, query = source_of(word)
    # In this dialect, an escaped slash separates two segments, both in requests and in sources.
    return host, ESCAPED_SLASH.sub("/", source) if "%" in source else source, query


@dataclass
class Conditions:
    """The conditions on a visitor under which a redirect line applies. Each kind of condition has several values, and
    one of them must match. An empty tuple means no condition."""

    languages: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()

    def take(self, name: str, values: Sequence[str]) -> bool:
        """Sets a condition (`Language`, `Country` or `Cookie`) with its values. Returns false if no condition has this
        name."""
        key = _CONDITIONS.get(name.lower())
        if key is None:
            return False
        setattr(self, key, tuple(values))
        return True
