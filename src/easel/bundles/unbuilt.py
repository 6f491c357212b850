"""Determines whether a zip with an entry page is certainly a project that nobody has built. Visitors of such a project
would see a blank page.

A zip is an unbuilt project if package.json contains a build tool, and the page loads a module that no browser can run.
Such a module is in another language, or its first lines import a package by name or a file that is no script. If the
page works in a browser, for example by an import map, the zip is not refused, whatever other files it has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Any, Final

import msgspec

from easel.bundles.markup import attributes, start_tags

PROJECT_FILE: Final = "package.json"
LOOKED_AT: Final = 256 * 1024
"""Maximum number of bytes that are read of each file: package.json, the page and a script."""
_MOST_TAGS: Final = 2_000
_MOST_SCRIPTS: Final = 20
_MOST_IMPORTS: Final = 200
_TOOLS: Final = frozenset(
    {"vite", "rolldown-vite", "parcel", "parcel-bundler", "webpack", "rollup", "rolldown", "esbuild", "@rsbuild/core"}
    | {"@rspack/core", "snowpack", "astro", "@vue/cli-service", "react-scripts", "@sveltejs/kit", "@farmfe/core"}
)
"""Names of npm packages that bundle modules for browsers."""
_CONFIGURED: Final = tuple(f"vite.config.{suffix}" for suffix in ("ts", "js", "mjs", "mts", "cjs", "cts"))
_COMPILED: Final = (".ts", ".tsx", ".mts", ".cts", ".jsx", ".vue", ".svelte", ".coffee")
"""Suffixes of modules that browsers do not run, because the files are not served with a script's type."""
_SCRIPTS: Final = (".js", ".mjs")
_NO_SCRIPTS: Final = (
    *_COMPILED, ".css", ".scss", ".sass", ".less", ".styl", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".html",
)  # fmt: skip
_BETWEEN = re.compile(rb"(?:[\s;]++|//[^\n]*+|/\*(?:(?!\*/).)*+\*/)*+", re.DOTALL)
_IMPORT = re.compile(
    rb"""import(?![\w$(.])\s*+(?:[\w$*{},\s]{1,2000}?\bfrom\s*+)?("[^"\n]{1,500}"|'[^'\n]{1,500}')\s*+(with|assert)?"""
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class _Package(msgspec.Struct):
    dependencies: dict[str, Any] = {}
    devDependencies: dict[str, Any] = {}  # noqa: N815 (npm's name)
    scripts: dict[str, Any] = {}


def unbuilt_script(paths: Container[str], page: str, read: Callable[[str], bytes]) -> str | None:
    """Returns the path of a script that the page loads and no browser can run, if the files are certainly an unbuilt
    project. Returns None otherwise.

    `paths` are relative to the root, where package.json and the page are. `read` returns a file's first `LOOKED_AT`
    bytes.
    """
    if PROJECT_FILE not in paths or not _is_built(paths, read(PROJECT_FILE)):
        return None
    scripts, has_map = _modules(read(page)[:LOOKED_AT])
    for address in scripts:
        path = _path(address)
        if path not in paths:
            continue
        if path.lower().endswith(_COMPILED):
            return path
        if path.lower().endswith(_SCRIPTS) and _cannot_run(read(path)[:LOOKED_AT], has_map=has_map):
            return path
    return None


def _is_built(paths: Container[str], data: bytes) -> bool:
    try:
        package = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_Package)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return False
    named = {*package.dependencies, *package.devDependencies}
    return "build" in package.scripts or not named.isdisjoint(_TOOLS) or any(name in paths for name in _CONFIGURED)


def _modules(page: bytes) -> tuple[list[str], bool]:
    """Returns the addresses of the modules that a page loads from its own host, and whether the page has an import map.
    Returns no addresses for a page with a `<base>`."""
    found: list[str] = []
    has_map = False
    for tag in start_tags(page, len(page), _MOST_TAGS):
        if tag.name == b"base":
            return [], has_map
        if tag.name == b"script":
            given = attributes(page, tag)
            kind = given.get(b"type", b"").strip().lower()
            has_map = has_map or kind == b"importmap"
            if kind == b"module" and (source := given.get(b"src", b"").strip()) and len(found) < _MOST_SCRIPTS:
                found.append(source.decode("utf-8", "replace"))
    return found, has_map


def _path(address: str) -> str:
    """Returns the path of the app's file that an address in its page refers to. Returns "" if the address is on another
    host."""
    if address.startswith("//") or _SCHEME.match(address):
        return ""
    return address.partition("#")[0].partition("?")[0].removeprefix(".").removeprefix("/")


def _cannot_run(script: bytes, *, has_map: bool) -> bool:
    """Returns true if one of the first statements of a script imports a module that a browser cannot find or does not
    accept. `has_map` is true if the page has an import map."""
    at = _after(script, len(b"\xef\xbb\xbf") if script.startswith(b"\xef\xbb\xbf") else 0)
    for _ in range(_MOST_IMPORTS):
        found = _IMPORT.match(script, at)
        if found is None:
            return False
        named = found[1][1:-1].decode("utf-8", "replace")
        is_address = named.startswith(("/", "./", "../")) or _SCHEME.match(named) is not None
        if found[2] is not None:
            # Browsers accept an import with `with { type: "css" }`.
            return False
        if (not is_address and not has_map) or (is_address and _path(named).lower().endswith(_NO_SCRIPTS)):
            return True
        at = _after(script, found.end())
    return False


def _after(script: bytes, at: int) -> int:
    found = _BETWEEN.match(script, at)
    return found.end() if found is not None else at
