"""Refuses projects that certainly need a server of their own, before their build."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from easel.builds.detect.errors import NotStaticError
from easel.builds.detect.project import Project
from easel.builds.detect.scripts import Script
from easel.builds.tree import Tree, joined
from easel.bundles.names import printable

_EXPORT = re.compile(r"[\"'`]export[\"'`]")
_NEXT_EXPORT = re.compile(r"\bnext\s{1,9}export\b")
_NO_SERVER = re.compile(r"\bssr\b[\"']?\s{0,9}:\s{0,9}false\b")
_PRERENDER = re.compile(r"\bprerender\b")
_ADAPTER = re.compile(
    r"[\"'](?:@sveltejs/adapter-(?:auto|node|vercel|netlify|cloudflare(?:-workers)?)|svelte-adapter-bun)[\"']"
)

FIXES: Final[Mapping[str, str]] = {
    "next": "add `output: 'export',` and `images: { unoptimized: true },` to the configuration in {config}.",
    "nuxt": 'put `"generate": "nuxt generate"` into the scripts of package.json, and set '
    '`build = "npm run generate"` or remove the setting `build`.',
    "sveltekit": "run `npm install -D @sveltejs/adapter-static`, write "
    "`import adapter from '@sveltejs/adapter-static';` in {config}, and put "
    "`export const prerender = true;` into src/routes/+layout.js.",
    "react-router": "add `ssr: false,` to the configuration in {config}. Or add `prerender: true,` to render the "
    "pages during the build.",
    "remix": "set `ssr: false` in the options of the Remix plugin in {config}, or move to React Router 7 with "
    "`ssr: false`.",
    "qwik": "run `npm run qwik add static`, set your address as its `origin`, and build with `npm run build`.",
    "astro": "remove `output: 'server'` and the adapter from {config}. Astro then uses `output: 'static'`.",
    "tanstack-start": "in {config}, set the option `spa: { enabled: true }` of the plugin (one page for all "
    "addresses), or `prerender: { enabled: true }`.",
    "solid-start": "set `ssr: false` and `server: { preset: 'static' }` in {config}.",
    "angular": 'set `"outputMode": "static"` in the build options of angular.json, or remove `"ssr"` and `"server"`.',
    "analog": "set `static: true` in the options of the Analog plugin in {config}.",
    "waku": "return `render: 'static'` from the `getConfig` of each page.",
    "vike": "set `prerender: true` in +config.",
}
"""The change that makes an app of each framework static, by the framework's name."""


def refuse_servers(tree: Tree, project: Project, command: str) -> None:
    """Refuses a project whose build certainly writes no pages. `command` is the build command. Raises
    NotStaticError."""
    check = _CHECKS.get(project.framework.name if project.framework else "")
    reason = check(tree, project, command) if check else None
    if reason is not None and project.framework is not None:
        raise NotStaticError(
            title=project.framework.title, reason=reason, fix=fix_of(tree, project.framework.name, project.folder)
        )


def fix_of(tree: Tree, name: str, folder: str) -> str:
    """Returns the change that makes a project of this framework static, with the name of its configuration file.
    Returns "" if no change is known."""
    config = _config(tree, name, folder)
    usual = f"{_CONFIGS.get(name, ('the configuration',))[0].removesuffix('.*')}.js"
    named = printable(config.path) if config.path else usual
    return FIXES.get(name, "").replace("{config}", named)


_CONFIGS: Final[Mapping[str, tuple[str, ...]]] = {
    "next": ("next.config.*",),
    "nuxt": ("nuxt.config.*",),
    "sveltekit": ("svelte.config.*", "vite.config.*"),
    "react-router": ("react-router.config.*",),
    "remix": ("vite.config.*",),
    "astro": ("astro.config.*",),
    "tanstack-start": ("vite.config.*", "app.config.*"),
    "solid-start": ("app.config.*", "vite.config.*"),
    "analog": ("vite.config.*",),
    "waku": ("waku.config.*",),
}


def _config(tree: Tree, name: str, folder: str) -> Script:
    return Script(tree, folder, *_CONFIGS.get(name, ()))


def _next(tree: Tree, project: Project, command: str) -> str | None:
    config = _config(tree, "next", project.folder)
    scripts = project.package.scripts.values() if project.package else ()
    if _EXPORT.search(config.text) or not config.is_whole or any(map(_NEXT_EXPORT.search, (command, *scripts))):
        return None
    return f"{printable(config.path)} has no `output: 'export'`" if config.path else "there is no next.config"


def _sveltekit(tree: Tree, project: Project, command: str) -> str | None:
    config = _config(tree, "sveltekit", project.folder)
    found = _ADAPTER.search(config.text)
    if "adapter-static" in config.text or not config.is_whole or found is None:
        return None
    return f"{printable(config.path or '')} uses {found[0][1:-1]}"


def _react_router(tree: Tree, project: Project, command: str) -> str | None:
    config = _config(tree, "react-router", project.folder)
    if _NO_SERVER.search(config.text) or _PRERENDER.search(config.text) or not config.is_whole:
        return None
    return "its pages are rendered for each request (`ssr: true`, which is the default)"


def _remix(tree: Tree, project: Project, command: str) -> str | None:
    config = _config(tree, "remix", project.folder)
    return None if _NO_SERVER.search(config.text) or not config.is_whole else "Remix renders the pages for each request"


def _qwik(tree: Tree, project: Project, command: str) -> str | None:
    has_adapter = tree.is_folder(joined(project.folder, "adapters"))
    return None if has_adapter else "the project has no adapter, so the build writes no pages"


_CHECKS: Final[Mapping[str, Callable[[Tree, Project, str], str | None]]] = {
    "next": _next,
    "sveltekit": _sveltekit,
    "react-router": _react_router,
    "remix": _remix,
    "qwik": _qwik,
}
