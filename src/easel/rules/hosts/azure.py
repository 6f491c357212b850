"""`staticwebapp.config.json`: routes, fallback, headers and types of Azure Static Web Apps, as far as Easel's rules can
express them.

Routes apply before files, as on Azure. A route that requires a role is a guard, which protects something from visitors.
"""

from __future__ import annotations

from typing import Any

import msgspec

from easel.rules.files.reading import Reading
from easel.rules.hosts.entries import Entries, decoded
from easel.rules.models import AZURE_JSON, Pages, Redirect


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


_PAGES: dict[str, Pages] = {
    "always": "force-trailing-slash",
    "never": "drop-trailing-slash",
    "auto": "auto-trailing-slash",
}


def read_azure(text: str, reading: Reading) -> None:
    """Reads the file into `reading`."""
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
    for route in file.routes:
        _read_route(route, entries)
    fallback = Entries(f"{AZURE_JSON} navigationFallback", reading)
    page = file.navigation_fallback.rewrite
    if page and fallback.next(page):
        excepts = fallback.exceptions(path for glob in file.navigation_fallback.exclude for path in _sources(glob))
        fallback.redirect(Redirect(0, "/*", _of_app(page), 200, excepts=excepts))
    overrides = Entries(f"{AZURE_JSON} responseOverrides", reading)
    for status, override in file.response_overrides.items():
        if overrides.next(status + override.rewrite):
            if status == "404" and override.rewrite:
                overrides.redirect(Redirect(0, "/*", _of_app(override.rewrite), override.status_code or 404))
            elif status == "404" and override.redirect:
                overrides.redirect(Redirect(0, "/*", override.redirect, override.status_code or 302))
            else:
                overrides.refuse(status, "only a page for 404 is supported.")


def _read_route(route: _Route, entries: Entries) -> None:
    guards = bool(route.allowed_roles) and "anonymous" not in route.allowed_roles
    if not entries.next(route.route + route.redirect + route.rewrite + str(route.headers), guards=guards):
        return
    if guards:
        entries.refuse(route.route, "Easel does not support roles, so nothing would protect the path.", guards=True)
        return
    if route.methods and "GET" not in (method.upper() for method in route.methods):
        entries.refuse(route.route, "it applies only to methods other than GET and HEAD, which Easel does not serve.")
        return
    for source in _sources(route.route):
        if route.headers:
            entries.headers(source, route.headers.items())
        if route.redirect:
            entries.redirect(Redirect(0, source, route.redirect, route.status_code or 302, forced=True))
        elif route.rewrite:
            entries.redirect(Redirect(0, source, _of_app(route.rewrite), route.status_code or 200, forced=True))
        elif route.status_code is not None:
            entries.redirect(Redirect(0, source, "/404.html", route.status_code, forced=True))


def _of_app(page: str) -> str:
    """Returns the path of a page with its leading slash, which the file may leave out."""
    return page if page.startswith("/") or "://" in page else f"/{page}"


def _sources(route: str) -> list[str]:
    """Returns the equivalent patterns of a route. `/images/*.{png,gif}` becomes two patterns."""
    path = route if route.startswith("/") else f"/{route}"
    before, brace, rest = path.partition("{")
    endings, closed, after = rest.partition("}")
    if not brace or not closed or after:
        return [path]
    return [f"{before}{ending.strip()}" for ending in endings.split(",")[:32]]
