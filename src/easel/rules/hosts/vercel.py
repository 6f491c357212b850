"""Reads `vercel.json`: its redirects, rewrites, headers and page addresses, as far as Easel's rules can express them.

Redirects apply before files and rewrites after files, as on Vercel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from easel.rules.files.lines import shown
from easel.rules.files.reading import MOST_QUERY, BadLineError, Reading
from easel.rules.hosts.entries import Entries, decoded, pages_of
from easel.rules.hosts.expressions import from_expression, to_ours
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
        if not entries.next(route.source + str(route.headers)):
            continue
        try:
            forms = from_expression(route.source)
            if any(form.only for form in forms):
                raise BadLineError("headers with a class of characters in their source are not supported.")
            fitting = _conditions(route)
            if fitting.query or fitting.cookies or fitting.absent:
                raise BadLineError("headers with a condition on a query or a cookie are not supported.")
        except BadLineError as bad:
            entries.refuse(route.source, str(bad))
            continue
        pairs = [(header.get("key", ""), header.get("value", "")) for header in route.headers]
        names = {name for form in forms for name in form.names}
        filled = [pair for pair in pairs if any(f":{name}" in "".join(pair) for name in names)]
        for name, value in filled:
            entries.refuse(f"{name}: {value}", "placeholders in headers are not supported.")
        for form in forms:
            kept = [pair for pair in pairs if pair not in filled]
            entries.headers(form.path, kept, host=fitting.host, excepts=form.excepts)


def _add(entries: Entries, route: _Route, status: int, *, forced: bool) -> None:
    if not entries.next(route.source + route.destination):
        return
    try:
        forms = from_expression(route.source)
        fitting = _conditions(route)
    except BadLineError as bad:
        # A redirect for visitors without a token hides pages from these visitors.
        guards = forced and any(map(_is_token, route.missing))
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
            )
        )


def _is_token(condition: _Condition) -> bool:
    return condition.type == "cookie" or (condition.type == "header" and condition.key.lower() in _TOKENS)


def _guards(route: Any) -> bool:
    """Returns true if an entry of `routes` hides something from visitors."""
    if not isinstance(route, dict):
        return False
    status = route.get("status")
    return "mitigate" in route or (isinstance(status, int) and status in (401, 403))


@dataclass
class _Fitting:
    """The conditions under which an entry applies, in the form of Easel's rules."""

    query: list[tuple[str, str]] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    absent: list[tuple[Literal["query", "cookie"], str]] = field(default_factory=list)
    host: str = ""


_TOKENS = ("authorization", "cookie")
_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
_PLAIN = re.compile(r"[\w-]{1,200}\Z", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9-]{1,63}(?:\\?\.[A-Za-z0-9-]{1,63}){0,8}\Z")
_TAKEN = re.compile(r"\(\?<([A-Za-z]\w{0,60})>(?:\.[*+]|\[\^/&]\+)\)\Z", re.ASCII)


def _conditions(route: _Route) -> _Fitting:
    """Translates the conditions of an entry (`has` and `missing`). Raises BadLineError if Easel's rules cannot express
    one of them."""
    found = _Fitting()
    for condition in route.missing:
        if condition.value is None and condition.type in ("query", "cookie") and len(found.absent) < MOST_QUERY:
            found.absent.append(("query" if condition.type == "query" else "cookie", condition.key))
        else:
            raise BadLineError(f"its `missing` on `{_subject(condition)}` is not supported.")
    for condition in route.has:
        value = condition.value.get("eq") if isinstance(condition.value, dict) else condition.value
        text = value if isinstance(value, str) else ""
        is_any = condition.value is None
        if condition.type == "query" and (is_any or _PLAIN.match(text)):
            # The destination of the redirect can contain the parameter's value as a placeholder with the parameter's
            # name.
            taken = f":{condition.key}" if is_any and _NAME.match(condition.key) else ""
            found.query.append((condition.key, text or taken))
        elif condition.type == "query" and (name := _TAKEN.match(text)):
            found.query.append((condition.key, f":{name[1]}"))
        elif condition.type == "cookie" and (is_any or _PLAIN.match(text)) and not found.cookies:
            found.cookies.append(condition.key if is_any else f"{condition.key}={text}")
        elif condition.type == "host" and _HOST.match(text) and not found.host:
            found.host = text.replace("\\", "").lower()
        else:
            raise BadLineError(f"its condition on `{_subject(condition)}` is not supported.")
    return found


def _subject(condition: _Condition) -> str:
    return shown(f"{condition.type[:20]} {condition.key[:40]}".strip())
