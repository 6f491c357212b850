"""Reads `staticwebapp.config.json`: routes, fallback, headers and types of Azure Static Web Apps, as far as Easel's
rules can express them.

Routes apply before files, as on Azure. A route that requires a role is a guard, which protects something from visitors.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from easel.rules.files.lines import shown
from easel.rules.files.reading import Reading
from easel.rules.hosts.entries import MOST_EXCEPTIONS, Entries, decoded
from easel.rules.models import AZURE_JSON, MOST_ODD, Pages, Redirect


class _Route(msgspec.Struct, rename="camel"):
    route: str = ""
    redirect: str = ""
    rewrite: str = ""
    status_code: int | None = None
    headers: dict[str, str] = {}
    allowed_roles: list[str] = []
    methods: list[str] = []


class _Override(msgspec.Struct, rename="camel"):
    rewrite: str = ""
    redirect: str = ""
    status_code: int | None = None


class _Fallback(msgspec.Struct):
    rewrite: str = ""
    exclude: list[str] = []


class _File(msgspec.Struct, rename="camel"):
    routes: list[_Route] = []
    navigation_fallback: _Fallback = msgspec.field(default_factory=_Fallback)
    response_overrides: dict[str, _Override] = {}
    global_headers: dict[str, str] = {}
    mime_types: dict[str, str] = {}
    trailing_slash: str = ""
    networking: dict[str, Any] = {}
    forwarding_gateway: dict[str, Any] = {}


class _Sources:
    """The sources (path patterns) of the routes that were read so far, by their first segment. Only the first route of
    a path applies on Azure, so a route with a wildcard does not apply to the paths of earlier routes."""

    def __init__(self) -> None:
        self._by_first: dict[str, list[str]] = {}
        self._room = MOST_ODD

    def add(self, source: str) -> None:
        """Adds the source (path pattern) of a route."""
        self._by_first.setdefault(_first(source), []).append(source)
        if _first(source):
            self._by_first.setdefault("every", []).append(source)

    def exceptions(self, source: str, entries: Entries, own: str = "") -> tuple[str, ...]:
        """Returns the exceptions of a route's source: the sources of earlier routes whose paths it also matches, and
        `own`."""
        if "*" not in source:
            return ()
        groups = [self._by_first.get(name, []) for name in ("", _first(source) or "every")]
        start = source.partition("*")[0]
        near = [one for group in groups for one in group[:MOST_EXCEPTIONS]]
        found = [one for one in near if one.startswith(start) or start.startswith(one.partition("*")[0])]
        found = [own, *found] if own else found
        if len(found) > self._room or any(len(group) > MOST_EXCEPTIONS for group in groups):
            entries.note("it also applies to paths of earlier routes, because there are too many earlier routes.")
        kept = entries.exceptions(found[: self._room])
        self._room -= len(kept)
        return kept


def _first(source: str) -> str:
    """Returns the first segment of a route's source with its slash. Returns '' if the segment contains a wildcard."""
    segment = source.split("/", 2)[1]
    return "" if "*" in segment else f"/{segment}"


_PATH = re.compile(r"/[^?#*:]*\Z")
_PAGES: dict[str, Pages] = {
    "always": "force-trailing-slash",
    "never": "drop-trailing-slash",
    "auto": "auto-trailing-slash",
}


def read_azure(text: str, reading: Reading) -> None:
    """Reads the rules in a `staticwebapp.config.json` (`text`) into `reading`, which collects them."""
    file = decoded(AZURE_JSON, _File, lambda: msgspec.json.decode(text), reading, guards=True)
    if file is None:
        return
    reading.pages = _PAGES.get(file.trailing_slash, reading.pages)
    for name, limit in (
        ("networking", file.networking.get("allowedIpRanges")),
        ("forwardingGateway", file.forwarding_gateway.get("requiredHeaders")),
    ):
        if limit:
            reason = "Easel does not support this setting, so every visitor would have access."
            reading.refuse(AZURE_JSON, 0, name, reason, guards=True)
    shared = Entries(f"{AZURE_JSON} globalHeaders", reading)
    if file.global_headers and shared.next(str(file.global_headers)):
        shared.headers("/*", file.global_headers.items())
    types = Entries(f"{AZURE_JSON} mimeTypes", reading)
    for ending, type_ in file.mime_types.items():
        if types.next(ending + type_):
            types.headers(f"/*{ending}", [("Content-Type", type_)])
    entries = Entries(f"{AZURE_JSON} routes", reading)
    earlier, only_headers = _Sources(), _Sources()
    for route in file.routes:
        _read_route(route, file.response_overrides, earlier, only_headers, entries)
    fallback = Entries(f"{AZURE_JSON} navigationFallback", reading)
    page = file.navigation_fallback.rewrite
    if page and fallback.next(page):
        reading.not_found = "404-page"
        excepts = fallback.exceptions(path for glob in file.navigation_fallback.exclude for path in _sources(glob))
        fallback.redirect(Redirect(0, "/*", _of_app(page), 200, excepts=excepts))
    overrides = Entries(f"{AZURE_JSON} responseOverrides", reading)
    used = {str(route.status_code) for route in file.routes}
    for status, override in file.response_overrides.items():
        if not overrides.next(status + override.rewrite + override.redirect):
            continue
        if status == "404":
            _answer(Redirect(0, "/*", "", 404), override, overrides)
        elif status not in used:
            overrides.note(f"this override has no effect, because no route has the status {shown(status)}.")


def _read_route(
    route: _Route, overrides: dict[str, _Override], earlier: _Sources, only_headers: _Sources, entries: Entries
) -> None:
    is_read = not route.methods or not {"GET", "HEAD"}.isdisjoint(method.upper() for method in route.methods)
    is_for_roles = bool(route.allowed_roles) and "anonymous" not in route.allowed_roles
    is_error = route.status_code is not None and route.status_code >= 400
    guards = is_read and (is_for_roles or is_error)
    if not entries.next(route.route + route.redirect + route.rewrite + str(route.headers), guards=guards):
        return
    if not is_read:
        entries.refuse(route.route, "it applies only to methods other than GET and HEAD, which Easel does not serve.")
        return
    if is_for_roles:
        entries.refuse(route.route, "Easel does not support roles, so nothing would protect the path.", guards=True)
        return
    if (route.redirect + route.rewrite).startswith("/.auth/"):
        entries.refuse(route.route, "it leads to `/.auth/`, the login of Azure, which Easel does not have.")
        return
    for source in _sources(route.route):
        if route.headers:
            entries.headers(source, route.headers.items(), excepts=earlier.exceptions(source, entries))
        earlier.add(source)
        if not (route.redirect or route.rewrite or route.status_code is not None):
            only_headers.add(source)
            continue
        # Azure applies no redirect to a request for its own target, so `/*` may lead to a page of the app.
        own = route.redirect if _PATH.match(route.redirect) else ""
        excepts = only_headers.exceptions(source, entries, own)
        line = Redirect(0, source, "/404.html", route.status_code or 200, forced=True, excepts=excepts)
        if source == own:
            entries.note("this redirect to itself has no effect.")
        elif route.redirect:
            status = route.status_code or 302
            entries.redirect(msgspec.structs.replace(line, target=route.redirect, status=status))
        elif route.rewrite:
            entries.redirect(msgspec.structs.replace(line, target=_of_app(route.rewrite)))
        else:
            _answer(line, overrides.get(str(route.status_code), _Override()), entries)


def _answer(line: Redirect, override: _Override, entries: Entries) -> None:
    """Puts the line for an error response in force. The page or the redirect of the `override` (in `responseOverrides`)
    replaces the target of the line."""
    target, status = line.target, override.status_code or line.status
    if override.redirect:
        target, status = override.redirect, override.status_code or 302
        if target.startswith("/.auth/"):
            entries.note("its redirect to `/.auth/` is left out, because Easel does not have Azure's login.")
            target, status = line.target, line.status
    elif override.rewrite:
        target = _of_app(override.rewrite)
    if target:
        entries.redirect(msgspec.structs.replace(line, target=target, status=status))


def _of_app(page: str) -> str:
    """Returns the path of a page with a leading slash, which the file may leave out."""
    return page if page.startswith("/") or "://" in page else f"/{page}"


def _sources(route: str) -> list[str]:
    """Returns the patterns that together match a route. `/images/*.{png,gif}` becomes two patterns."""
    path = route if route.startswith("/") else f"/{route}"
    if path.endswith("/index.html"):
        return [path, path.removesuffix("index.html")]
    before, brace, rest = path.partition("{")
    endings, closed, after = rest.partition("}")
    if not brace or not closed or after:
        return [path]
    return [f"{before}{ending.strip()}" for ending in endings.split(",")[:32]]
