"""Redirect lines, prepared for look-ups: finds the line that applies to a request."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from easel.rules.matching.conditions import PreparedCondition, prepared
from easel.rules.matching.index import Index
from easel.rules.matching.paths import RequestPath
from easel.rules.matching.pattern import Pattern, parse, split
from easel.rules.matching.target import Target, target_of
from easel.rules.matching.visit import Visit
from easel.rules.models import NETLIFY_TOML, REDIRECTS, Dialect, Redirect, Rules

MOST_TRIED = 1_000
"""Maximum number of lines or header blocks that are compared with one request, if the index cannot narrow them down."""
_FIXED = re.compile("[*:?#]")
LARGEST_HEADERS = 32 * 1024
"""Maximum number of bytes of the names and values that rules add to one response."""


class RedirectMatch(msgspec.Struct, frozen=True):
    """The redirect line that applies to a request (`by`), and its target.

    `to` is a Location for a redirect, or the decoded path of the app whose content is sent. `first` is true if the line
    applies before files. `for_all` is true if every request for this address without a query gets the same response.
    Then neither the line nor an earlier line that matches the address has further conditions. `of_pattern` is true if
    the line's path is a pattern, so that any number of addresses get such responses.
    """

    by: Redirect
    status: int
    to: str
    first: bool
    for_all: bool = False
    of_pattern: bool = False

    @property
    def redirects(self) -> bool:
        """Returns true if the line redirects the client, and does not send content."""
        return self.by.redirects


@dataclass(frozen=True, slots=True)
class _Line:
    redirect: Redirect
    pattern: Pattern
    host: HostPattern | None
    target: Target
    first: bool
    excepts: tuple[Pattern, ...]
    only: tuple[tuple[str, re.Pattern[str]], ...]
    steps_aside: bool
    of_path: tuple[PreparedCondition, ...] = ()
    conditions: tuple[PreparedCondition, ...] = ()

    def accepts(self, asked: RequestPath, caught: dict[str, str]) -> bool:
        """Returns true if no exception of the line matches the path, its conditions on the path hold, and the line
        accepts the captured strings. Adds the strings that its conditions capture."""
        return (
            all(one.fullmatch(caught.get(name, "")) for name, one in self.only)
            and all(one.accepts(asked, caught) for one in self.of_path)
            and not any(one.catch(asked) is not None for one in self.excepts)
        )


@dataclass(frozen=True, slots=True)
class HostPattern:
    """The host pattern of a redirect line, as labels. One label may be a `:name`, and the first label may be a
    wildcard."""

    labels: tuple[str, ...]
    scheme: str = ""

    def catch(self, visit: Visit) -> dict[str, str] | None:
        """Matches the host of a request. Returns the captured strings by name. Returns None if the host does not
        match."""
        if self.scheme and visit.scheme != self.scheme:
            return None
        labels = visit.host.split(".")
        if self.labels[0] == "*" and len(labels) >= len(self.labels):
            stop = len(labels) - len(self.labels) + 1
            labels = [".".join(labels[:stop]), *labels[stop:]]
        if len(labels) != len(self.labels):
            return None
        caught: dict[str, str] = {}
        for label, found in zip(self.labels, labels, strict=True):
            if label == "*":
                caught["splat"] = found
            elif label.startswith(":"):
                caught[label[1:]] = found
            elif label != found:
                return None
        return caught


class RedirectTable:
    """The redirect lines of a version. An edge prepares them once, before it serves the version."""

    def __init__(self, rules: Rules) -> None:
        self.dialect: Dialect = rules.dialect
        self._index = Index(forgiving=rules.dialect == "netlify")
        self._redirects: list[Redirect] = []
        self._lines: dict[int, _Line] = {}
        self.any_first = False
        settled: set[str] = set()
        for redirect in rules.redirects:
            if redirect.source in settled:
                continue  # An earlier line answers every request that this line could answer.
            self.any_first = self.any_first or _goes_first(redirect, rules.dialect)
            if redirect.is_for_all and not may_step_aside(redirect, rules.dialect):
                settled.add(redirect.source)
            self._index.add(len(self._redirects), parse(redirect.source, rules.dialect), redirect.query)
            self._redirects.append(redirect)

    def __len__(self) -> int:
        return len(self._redirects)

    def _path(self, visit: Visit) -> RequestPath | None:
        return visit.opened if self.dialect == "netlify" else visit.asked

    def speaks_of(self, visit: Visit) -> bool:
        """Returns true if a redirect line matches the request's path, with any query, cookie or language."""
        asked = self._path(visit)
        return asked is not None and bool(self._index.find(asked, None))

    def find(self, visit: Visit) -> RedirectMatch | None:
        """Returns the target of the first line that matches the request. Returns None if no line matches."""
        asked = self._path(visit)
        if asked is None:
            return None
        plain = True
        for number in self._index.find(asked, visit.pairs)[:MOST_TRIED]:
            line = self._lines.get(number)
            if line is None:
                # Most lines never match a request, so each line is prepared at its first match.
                line = self._lines[number] = _line(self._redirects[number], self.dialect)
            caught = line.pattern.catch(asked)
            if caught is None or not line.accepts(asked, caught):
                continue
            if caught and self.dialect == "cloudflare" and visit.spelled is not None:
                caught = line.pattern.catch(visit.spelled) or caught
            by = line.redirect
            plain = plain and not (by.conditional or by.query or by.host or by.absent or line.conditions)
            if not _holds(line, visit, caught) or (line.steps_aside and _is_there(line, asked, caught)):
                continue
            leads = _leads(line, visit, caught, for_all=plain)
            if leads is not None:
                return leads
        return None


def _line(redirect: Redirect, dialect: Dialect) -> _Line:
    pattern = parse(redirect.source, dialect)
    host = None
    if redirect.host:
        scheme, _, name = redirect.host.partition("://")
        host = HostPattern(tuple(name.split(".")), scheme)
    target = target_of(redirect, pattern, dialect)
    excepts = tuple(parse(path, dialect) for path in redirect.excepts)
    only = tuple((name, re.compile(text, re.ASCII)) for name, text in redirect.only)
    aside = may_step_aside(redirect, dialect)
    first = _goes_first(redirect, dialect)
    return _Line(redirect, pattern, host, target, first, excepts, only, aside, *prepared(redirect.conditions))


def may_step_aside(redirect: Redirect, dialect: Dialect) -> bool:
    """Returns true if a redirect line does not apply to requests that are already at its target. Netlify ends loops in
    this way: `/* /en/:splat` redirects `/a`, and not `/en/a`."""
    return (
        dialect == "netlify"
        and redirect.redirects
        and "*" in redirect.source
        and redirect.file.startswith((REDIRECTS, NETLIFY_TOML))
        and redirect.target.startswith("/")
        and not redirect.target.startswith("//")
        and _overlap(_FIXED.split(redirect.source, 1)[0], _FIXED.split(redirect.target, 1)[0])
    )


def _overlap(source: str, target: str) -> bool:
    """Returns true if some path begins both with the text `source` and with the text `target`."""
    return source.startswith(target) or target.startswith(source.rstrip("/"))


def _is_there(line: _Line, asked: RequestPath, caught: dict[str, str]) -> bool:
    """Returns true if a request is already at a redirect line's target: at the target itself, or below the part of the
    target before `:splat`. If every path of the line's source is below this part, only the target itself counts."""
    start, is_cut = line.target.start(caught)
    # Patterns are compared without a slash at the end.
    path = "/" + "/".join(asked.bare)
    above = "/".join(["", *asked.segments[: len(line.pattern.runs[0])], ""])
    if above.startswith(start.rstrip("/") + "/"):
        return line.target.path(caught).rstrip("/") == path.rstrip("/")
    if is_cut and not start.endswith("/"):
        return path.startswith(start)
    return f"{path}/".startswith(start.rstrip("/") + "/")


def _goes_first(redirect: Redirect, dialect: Dialect) -> bool:
    """Returns true if a redirect line applies before files. These are forced lines, and nearly all lines in
    Cloudflare's dialect. A Cloudflare line that rewrites every path to one page is an exception, because it would hide
    all scripts there."""
    if dialect == "netlify":
        return redirect.forced
    return redirect.status != 200 or redirect.source != "/*" or _uses_splat(redirect.target)


def _uses_splat(target: str) -> bool:
    return (True, "splat") in split(target, ("splat",))


def _holds(line: _Line, visit: Visit, caught: dict[str, str]) -> bool:
    """Returns true if a redirect line's host, query and conditions match the request. Adds the strings that they
    capture to `caught`."""
    redirect = line.redirect
    if line.host is not None:
        of_host = line.host.catch(visit)
        if of_host is None:
            return False
        caught.update(of_host)
    for name, value in redirect.query:
        # If a parameter is sent twice, hosting providers use the last value. A name in the path has precedence over a
        # name in the query.
        found = next((had for key, had in reversed(visit.pairs) if key == name), None)
        if found is None:
            return False
        if value.startswith(":"):
            caught.setdefault(value[1:], found)
        elif value and value != found:
            return False
    if redirect.languages and not _speaks(visit.language, redirect.languages):
        return False
    if redirect.countries and visit.land not in (country.lower() for country in redirect.countries):
        return False
    for kind, name in redirect.absent:
        if name in visit.cookies if kind == "cookie" else any(key == name for key, _ in visit.pairs):
            return False
    if redirect.cookies and not any(_has_cookie(visit, wanted) for wanted in redirect.cookies):
        return False
    return all(one.holds(visit, caught) for one in line.conditions)


def _has_cookie(visit: Visit, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return visit.cookies.get(name) == value if equals else name in visit.cookies


def _speaks(language: str, wanted: tuple[str, ...]) -> bool:
    """Returns true if the visitor's language is one of the wanted languages. `en` includes `en-GB`."""
    return any(language == code or language.startswith(f"{code}-") for code in map(str.lower, wanted))


def _leads(line: _Line, visit: Visit, caught: dict[str, str], *, for_all: bool) -> RedirectMatch | None:
    redirect = line.redirect
    if not redirect.redirects:
        return RedirectMatch(redirect, redirect.status, line.target.path(caught), line.first)
    location = line.target.location(caught, visit.query)
    if location is None:
        return None
    return RedirectMatch(redirect, redirect.status, location, line.first, for_all, not line.pattern.literal)
