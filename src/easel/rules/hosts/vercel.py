"""Reads `vercel.json`: its redirects, rewrites, headers and page addresses, as far as Easel's rules can express them.

Redirects apply before files and rewrites after files, as on Vercel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from easel.rules.files.reading import BadLineError, Reading
from easel.rules.hosts.entries import Entries, decoded, pages_of
from easel.rules.hosts.expressions import from_expression, to_ours
from easel.rules.hosts.vercel_conditions import WrittenCondition, conditions_of, is_token
from easel.rules.models import VERCEL_JSON, Redirect


class _Route(msgspec.Struct):
    source: str = ""
    destination: str = ""
    permanent: bool | None = None
    statusCode: int | None = None  # noqa: N815 - as the file spells it
    has: list[WrittenCondition] = []
    missing: list[WrittenCondition] = []
    headers: list[dict[str, str]] = []


class _File(msgspec.Struct, rename="camel"):
    redirects: list[_Route] = []
    rewrites: list[_Route] | dict[str, Any] = []
    headers: list[_Route] = []
    routes: list[Any] = []
    bulk_redirects_path: str | None = None
    clean_urls: bool = False
    trailing_slash: bool | None = None


def read_vercel(text: str, reading: Reading) -> None:
    """Reads the rules in a `vercel.json` (`text`) into `reading`, which collects them."""
    file = decoded(VERCEL_JSON, _File, lambda: msgspec.json.decode(text), reading, guards=False)
    if file is None:
        return
    if file.clean_urls or file.trailing_slash is not None:
        reading.pages = pages_of(clean=file.clean_urls, slash=file.trailing_slash)
    if file.routes:
        reading.refuse(
            VERCEL_JSON,
            0,
            "routes",
            "`routes` contains regular expressions, which are not supported. Write them as redirects, rewrites and "
            "headers.",
            guards=any(map(_guards, file.routes)),
        )
    if file.bulk_redirects_path:
        reading.refuse(VERCEL_JSON, 0, "bulkRedirectsPath", "Easel reads only the redirects in vercel.json itself.")
    entries = Entries(f"{VERCEL_JSON} redirects", reading)
    for route in file.redirects:
        default = route.statusCode or 308
        status = default if route.permanent is None else 308 if route.permanent else 307
        _add(entries, route, status, forced=True)
    entries = Entries(f"{VERCEL_JSON} rewrites", reading)
    for route in file.rewrites if isinstance(file.rewrites, list) else []:
        reading.not_found = "404-page"
        _add(entries, route, 200, forced=False)
    if isinstance(file.rewrites, dict):
        reading.refuse(VERCEL_JSON, 0, "rewrites", "`rewrites` is only supported as a list.")
    entries = Entries(f"{VERCEL_JSON} headers", reading)
    for route in file.headers:
        _add_headers(entries, route)


def _add_headers(entries: Entries, route: _Route) -> None:
    if not entries.next(route.source + str(route.headers)):
        return
    try:
        forms = from_expression(route.source)
        fitting = conditions_of(route.has, route.missing)
    except BadLineError as bad:
        entries.refuse(route.source, str(bad))
        return
    pairs = [(header.get("key", ""), header.get("value", "")) for header in route.headers]
    names = {name for form in forms for name in form.names} | fitting.names
    filled = [pair for pair in pairs if any(f":{name}" in pair[0] for name in names)]
    for name, value in filled:
        entries.refuse(f"{name}: {value}", "a placeholder in the name of a header is not supported.")
    kept = [pair for pair in pairs if pair not in filled]
    for form in forms:
        values = [(name, to_ours(value, form.names)) for name, value in kept]
        limited = replace(form, conditions=(*form.conditions, *fitting.as_conditions()))
        entries.headers(form.path, values, host=fitting.host, form=limited, fills=bool(names))


def _add(entries: Entries, route: _Route, status: int, *, forced: bool) -> None:
    if not entries.next(route.source + route.destination):
        return
    try:
        forms = from_expression(route.source)
        fitting = conditions_of(route.has, route.missing, route.destination)
    except BadLineError as bad:
        # A redirect for visitors without a token hides pages from these visitors.
        guards = forced and any(map(is_token, route.missing))
        entries.refuse(route.source, str(bad), guards=guards)
        return
    host = f"://{fitting.host}" if fitting.host else ""
    for form in forms:
        entries.redirect(
            Redirect(
                0,
                form.path,
                to_ours(route.destination, form.names),
                status,
                forced,
                host,
                tuple(fitting.query),
                cookies=tuple(fitting.cookies),
                excepts=form.excepts,
                only=tuple(form.only.items()),
                absent=tuple(fitting.absent),
                conditions=(*form.conditions, *fitting.conditions),
            )
        )


def _guards(route: Any) -> bool:
    """Returns true if an entry of `routes` hides something from visitors."""
    if not isinstance(route, dict):
        return False
    status = route.get("status")
    return "mitigate" in route or (isinstance(status, int) and status in (401, 403))
