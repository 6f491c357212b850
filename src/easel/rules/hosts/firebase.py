"""`firebase.json`: the redirects, rewrites, headers and page addresses of its `hosting`, as far as Easel's rules can
express them."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import msgspec

from easel.rules.files.reading import BadLineError, Reading
from easel.rules.hosts.entries import MOST_FORMS, Entries, decoded
from easel.rules.models import FIREBASE_JSON, Redirect

_ALTERNATIVES = re.compile(r"@?\(([^()]*)\)|\{([^{}]*)\}")
_NAMED = re.compile(r":(\w+)\*")
_USED = re.compile(r":(\w+)\*?")


class _Route(msgspec.Struct):
    source: str = ""
    glob: str = ""
    regex: str = ""
    destination: str = ""
    type: int = 301
    headers: list[dict[str, str]] = []


class _Hosting(msgspec.Struct, rename="camel"):
    redirects: list[_Route] = []
    rewrites: list[_Route] = []
    headers: list[_Route] = []
    clean_urls: bool = False
    trailing_slash: bool | None = None
    i18n: dict[str, Any] = {}


class _File(msgspec.Struct):
    hosting: _Hosting | list[Any] = msgspec.field(default_factory=_Hosting)


def read_firebase(text: str, reading: Reading) -> None:
    """Reads the file into `reading`. Redirects apply before files and rewrites after files, as on Firebase."""
    file = decoded(FIREBASE_JSON, _File, lambda: msgspec.json.decode(text), reading, guards=False)
    if file is None:
        return
    hosting = file.hosting
    if isinstance(hosting, list):
        if len(hosting) != 1:
            reading.refuse(FIREBASE_JSON, 0, "hosting", "it configures more than one site, so Easel uses none of them.")
            return
        site = hosting[0]
        one = decoded(FIREBASE_JSON, _Hosting, lambda: site, reading, guards=False)
        if one is None:
            return
        hosting = one
    if hosting.clean_urls or hosting.trailing_slash is not None:
        reading.pages = "force-trailing-slash" if hosting.trailing_slash else "drop-trailing-slash"
    if hosting.i18n:
        reason = "Easel does not choose files by language and country. The files are served only at their own paths."
        reading.refuse(FIREBASE_JSON, 0, "i18n", reason)
    entries = Entries(f"{FIREBASE_JSON} redirects", reading)
    for route in hosting.redirects:
        for source, excepts in _sources(route, entries):
            entries.redirect(Redirect(0, source, _target(route), route.type, forced=True, excepts=excepts))
    entries = Entries(f"{FIREBASE_JSON} rewrites", reading)
    for route in hosting.rewrites:
        for source, excepts in _sources(route, entries):
            if route.destination:
                entries.redirect(Redirect(0, source, _target(route), 200, excepts=excepts))
            else:
                entries.refuse(source, "it leads to a function or a service, not to a page.")
    entries = Entries(f"{FIREBASE_JSON} headers", reading)
    for route in hosting.headers:
        for source, excepts in _sources(route, entries):
            if excepts:
                entries.refuse(source, "headers with excluded paths are not supported.")
                continue
            entries.headers(source, ((header.get("key", ""), header.get("value", "")) for header in route.headers))


def _target(route: _Route) -> str:
    """Returns the destination with Easel's name for the rest of a path. Firebase may write this rest with or without a
    star."""
    rests = set(_NAMED.findall(route.source or route.glob))
    return _USED.sub(lambda match: ":splat" if match[1] in rests else match[0], route.destination)


def _sources(route: _Route, entries: Entries) -> list[tuple[str, tuple[str, ...]]]:
    """Returns the patterns that together match the entry's glob, each with the patterns that it excludes. Refuses the
    entry and returns no patterns if no pattern can express the glob."""
    glob = route.source or route.glob
    if not entries.next(glob + route.destination + str(route.headers)):
        return []
    try:
        if route.regex or not glob:
            raise BadLineError("its source is a regular expression.")
        if glob.startswith("!"):
            return [("/*", tuple(_patterns(glob[1:])))]
        return [(pattern, ()) for pattern in _patterns(glob)]
    except BadLineError as bad:
        entries.refuse(glob or route.regex, str(bad))
        return []


def _patterns(glob: str) -> list[str]:
    choices: list[list[str]] = []
    at = 0
    for match in _ALTERNATIVES.finditer(glob):
        choices.append([glob[at : match.start()]])
        choices.append((match[1] or match[2] or "").split("|" if match[1] else ","))
        at = match.end()
    choices.append([glob[at:]])
    forms = 1
    for choice in choices:
        forms *= len(choice)
        if forms > MOST_FORMS:
            raise BadLineError(f"its source expands to more than {MOST_FORMS} patterns.")
    return [_pattern("".join(parts)) for parts in product(*choices)]


def _pattern(glob: str) -> str:
    if any(char in glob for char in "()[]{}|!@+?"):
        raise BadLineError("its source is a glob of an unsupported form.")
    parts = []
    for number, part in enumerate(_NAMED.sub("**", glob).strip("/").split("/")):
        if part == "*":
            parts.append(f":part{number}")
        elif part.startswith("*.") and parts and parts[-1] == "*":
            parts[-1] = part  # `**/*.js` matches the file in every folder, including the current folder.
        else:
            parts.append("*" if part == "**" else part.replace("**", "*"))
    return "/" + "/".join(parts)
