"""Reads `firebase.json`: the redirects, rewrites, headers and page addresses of its `hosting`, as far as Easel's rules
can express them."""

from __future__ import annotations

from typing import Any

import msgspec

from easel.rules.files.lines import shown
from easel.rules.files.reading import BadLineError, Reading
from easel.rules.hosts.entries import Entries, decoded, pages_of
from easel.rules.hosts.expressions import to_ours
from easel.rules.hosts.forms import Form
from easel.rules.hosts.globs import from_glob, from_regex
from easel.rules.models import FIREBASE_JSON, Redirect


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
    ignore: list[str] = []


class _File(msgspec.Struct):
    hosting: _Hosting | list[Any] = msgspec.field(default_factory=_Hosting)


_IGNORED_BY_ALL = ("firebase.json", "**/.*", "**/node_modules/**")
"""The usual entries of `ignore`, which need no remark, because `easel deploy` leaves such files out too."""


def read_firebase(text: str, reading: Reading) -> None:
    """Reads the rules in a `firebase.json` (`text`) into `reading`, which collects them. Redirects apply before files
    and rewrites after files, as on Firebase."""
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
        reading.pages = pages_of(clean=hosting.clean_urls, slash=hosting.trailing_slash)
    if hosting.i18n:
        reason = "Easel does not choose files by language and country. The files are served only at their own paths."
        reading.refuse(FIREBASE_JSON, 0, "i18n", reason)
    if left_out := [glob for glob in hosting.ignore if glob not in _IGNORED_BY_ALL]:
        reason = f"`ignore` has no effect: files that match `{shown(left_out[0])}` are served. Use `.easelignore`."
        reading.note(FIREBASE_JSON, 0, reason)
    entries = Entries(f"{FIREBASE_JSON} redirects", reading)
    for route in hosting.redirects:
        for form in _forms(route, entries):
            entries.redirect(_line(route, form, route.type, forced=True))
    entries = Entries(f"{FIREBASE_JSON} rewrites", reading)
    for route in hosting.rewrites:
        for form in _forms(route, entries):
            if route.destination:
                reading.not_found = "404-page"
                entries.redirect(_line(route, form, 200))
            else:
                entries.refuse(_source(route), "it leads to a function or a service, not to a page.")
    entries = Entries(f"{FIREBASE_JSON} headers", reading)
    for route in hosting.headers:
        for form in _forms(route, entries):
            pairs = ((header.get("key", ""), header.get("value", "")) for header in route.headers)
            entries.headers(form.path, pairs, form=form)


def _source(route: _Route) -> str:
    return route.source or route.glob or route.regex


def _forms(route: _Route, entries: Entries) -> list[Form]:
    """Returns the patterns that together match an entry. If no pattern can express its source, refuses the entry and
    returns no patterns."""
    glob = route.source or route.glob
    if not entries.next(_source(route) + route.destination + str(route.headers)):
        return []
    try:
        if not glob and not route.regex:
            raise BadLineError("it has no source.")
        return from_glob(glob) if glob else from_regex(route.regex)
    except BadLineError as bad:
        entries.refuse(_source(route), str(bad))
        return []


def _line(route: _Route, form: Form, status: int, *, forced: bool = False) -> Redirect:
    target = to_ours(route.destination, form.names)
    return Redirect(
        0,
        form.path,
        target,
        status,
        forced,
        excepts=form.excepts,
        only=tuple(form.only.items()),
        conditions=form.conditions,
    )
