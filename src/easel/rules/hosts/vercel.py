"""`vercel.json`: its redirects, rewrites, headers and page addresses, as far as they map.

Redirects apply before files, rewrites after them, as on Vercel.
"""

from __future__ import annotations

from typing import Any

import msgspec

from easel.rules.files.reading import BadLineError, Reading
from easel.rules.hosts.entries import Entries, decoded, from_expression, to_ours
from easel.rules.models import VERCEL_JSON, Redirect


class _Condition(msgspec.Struct):
    type: str = ""
    key: str = ""
    value: Any = None


class _Route(msgspec.Struct):
    source: str = ""
    destination: str = ""
    permanent: bool | None = None
    statusCode: int | None = None  # noqa: N815 - as the file spells it
    has: list[_Condition] = []
    missing: list[_Condition] = []
    headers: list[dict[str, str]] = []


class _File(msgspec.Struct, rename="camel"):
    redirects: list[_Route] = []
    rewrites: list[_Route] | dict[str, Any] = []
    headers: list[_Route] = []
    routes: list[Any] = []
    clean_urls: bool = False
    trailing_slash: bool | None = None


def read_vercel(text: str, reading: Reading) -> None:
    """Reads the file into `reading`."""
    file = decoded(VERCEL_JSON, _File, lambda: msgspec.json.decode(text), reading, guards=False)
    if file is None:
        return
    if file.clean_urls:
        reading.pages = "force-trailing-slash" if file.trailing_slash else "drop-trailing-slash"
    if file.routes:
        reading.refuse(
            VERCEL_JSON, 0, "routes", "`routes` are expressions; write them as redirects, rewrites and headers."
        )
    entries = Entries(f"{VERCEL_JSON} redirects", reading)
    for route in file.redirects:
        status = route.statusCode or (308 if route.permanent is not False else 307)
        _add(entries, route, status, forced=True)
    entries = Entries(f"{VERCEL_JSON} rewrites", reading)
    for route in file.rewrites if isinstance(file.rewrites, list) else []:
        _add(entries, route, 200, forced=False)
    if isinstance(file.rewrites, dict):
        reading.refuse(VERCEL_JSON, 0, "rewrites", "`rewrites` is read as a list only.")
    entries = Entries(f"{VERCEL_JSON} headers", reading)
    for route in file.headers:
        if not entries.next(route.source + str(route.headers)):
            continue
        try:
            path, _ = from_expression(route.source)
            if route.has or route.missing:
                raise BadLineError("its headers have conditions, which headers cannot have here.")
        except BadLineError as bad:
            entries.refuse(route.source, str(bad))
            continue
        entries.headers(path, {header.get("key", ""): header.get("value", "") for header in route.headers})


def _add(entries: Entries, route: _Route, status: int, *, forced: bool) -> None:
    if not entries.next(route.source + route.destination):
        return
    query: list[tuple[str, str]] = []
    cookies: list[str] = []
    try:
        source, names = from_expression(route.source)
        if route.missing:
            raise BadLineError("it has `missing`, which is not read.")
        for condition in route.has:
            plain = condition.value is None or (isinstance(condition.value, str) and condition.value.isalnum())
            if condition.type == "query" and plain:
                query.append((condition.key, condition.value or ""))
            elif condition.type == "cookie" and condition.value is None:
                cookies.append(condition.key)
            else:
                raise BadLineError(f"its condition on `{condition.type[:20]}` is not read.")
        if len(cookies) > 1:
            raise BadLineError("it has conditions on more than one cookie.")
    except BadLineError as bad:
        entries.refuse(route.source, str(bad))
        return
    target = to_ours(route.destination, names)
    entries.redirect(Redirect(0, source, target, status, forced, query=tuple(query), cookies=tuple(cookies)))
