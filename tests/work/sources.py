"""Sources of builds with files from strangers: each file that is read, with texts of any length."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from easel.builds.detect.models import BuildOptions
from easel.builds.detect.patterns import is_ignored
from easel.builds.detect.plan import plan
from easel.builds.detect.scripts import Script
from easel.builds.detect.settings import options_of
from easel.builds.lines import LogLines
from easel.builds.sandbox.environment import outside
from easel.builds.tree import Tree
from easel.outgoing.heads import read_request

_VITE: Final = {"package.json": '{"scripts": {"build": "vite build"}, "dependencies": {"vite": "*"}}', "index.html": ""}
_OF_FRAMEWORKS: Final = {
    "next.config.js": "next",
    "vite.config.js": "@sveltejs/kit",
    "react-router.config.ts": "@react-router/dev",
    "eleventy.config.js": "@11ty/eleventy",
    "angular.json": "@angular/cli",
}
_ANYWHERE: Final = (" ", "7", "a", "\u0300\u0316", '"', "[", "{", "/", "*", "\n")
_IN_DATA: Final = ("[a,", "{a: ", "- ", "a:\n", "a: 1\n", "&a [*a,", "a.", "[[a]]\n")
_IN_PROGRAMS: Final = ("/*", "//", "\\'", "`", "'", ",}", "output: '")


def fills(name: str) -> tuple[str, ...]:
    """Returns the texts to repeat in each file."""
    if name.endswith((".yml", ".yaml", ".toml")):
        return (*_ANYWHERE, *_IN_DATA)
    return (
        (*_ANYWHERE, *_IN_PROGRAMS) if name.endswith(("js", "ts", "angular.json", "script", "conf.py")) else _ANYWHERE
    )


def readers(folder: Path) -> Iterator[tuple[str, Callable[[str], object], int]]:
    """Yields each file, the function that reads its text, and the number of bytes of the smaller text."""
    number = 0
    for name, files, size in (
        ("package.json", {}, 4096),
        (".nvmrc", _VITE, 512),
        (".tool-versions", _VITE, 512),
        ("yarn.lock", _VITE, 4096),
        ("pnpm-lock.yaml", _VITE, 4096),
        ("pnpm-workspace.yaml", _VITE, 2048),
        ("mkdocs.yml", {}, 2048),
        ("zensical.toml", {}, 4096),
        ("hugo.toml", {}, 4096),
        ("easel.toml", _VITE, 4096),
        ("conf.py", {"index.rst": ""}, 4096),
        ("requirements.txt", {"mkdocs.yml": "a: 1"}, 4096),
        ("pyproject.toml", {"mkdocs.yml": "a: 1"}, 4096),
        *((name, _of(package), 4096) for name, package in _OF_FRAMEWORKS.items()),
    ):
        number += 1
        yield f"sources, {name}", _written(folder / str(number), name, files), size
    for part in ("packageManager", "name"):
        number += 1
        yield f"sources, {part}", _in_package(folder / str(number), partial(_part, part)), 512
    yield (
        "sources, engines",
        _in_package(folder / "engines", lambda text: {"engines": {"node": text, "npm": text}}),
        512,
    )
    yield "sources, a script", _in_package(folder / "script", lambda text: {"scripts": {"build": text}}), 2048
    yield (
        "sources, a workspace",
        _in_package(folder / "workspace", lambda text: {"workspaces": [text, f"!{text}"]}),
        128,
    )
    yield "sources, an ignored path", lambda text: is_ignored(text, ("docs/", "**/a*a*a*b", "!/x/**/y", "*.md")), 1024
    yield "sources, an ignoring pattern", lambda text: is_ignored("a/" * 100 + "aaaaaaaaaaaaaaaaaaaaa", [text]), 120
    yield "sources, settings", lambda text: options_of(dict.fromkeys(("root", "output", "build", "node"), text)), 256
    script = folder / "scripts"
    script.mkdir()
    names = ("outDir", "distDir", "pages", "buildDirectory", "outputDir", "output", "root")

    def folders(text: str) -> None:
        (script / "a.js").write_text(f'outDir: "{text}', errors="replace")
        found = Script(Tree(script), "", "*.js")
        assert found.is_whole in (True, False)
        for name in names:
            found.folder(name)

    yield "sources, a folder in a script", folders, 4096
    yield "builds, a log", _logged, 4096
    yield "builds, a request to the proxy", lambda text: read_request(f"{text}\r\n\r\n".encode(errors="replace")), 4096
    yield "builds, an address for the proxy", lambda text: read_request(f"GET http://{text} HTTP/1.1".encode()), 4096
    yield "builds, places in a command", lambda text: outside(text, {"/build": "/x", "/build/a": "/y"}), 4096


def _logged(text: str) -> None:
    log = LogLines(lambda line: None, ("sesame" * 10, "aaaaaaaaab", "7777777 7"))
    log.feed(text.encode(errors="replace"))
    log.close()


def _part(part: str, text: str) -> Mapping[str, object]:
    return {part: text}


def _engines(text: str) -> Mapping[str, object]:
    return {"engines": {"node": text, "npm": text}}


def _script(text: str) -> Mapping[str, object]:
    return {"scripts": {"build": text}}


def _workspace(text: str) -> Mapping[str, object]:
    return {"workspaces": [text, f"!{text}"]}


def _of(package: str) -> Mapping[str, str]:
    return {"package.json": json.dumps({"scripts": {"build": "x"}, "dependencies": {package: "*"}})}


def _written(folder: Path, name: str, files: Mapping[str, str]) -> Callable[[str], object]:
    for other, text in files.items():
        folder.mkdir(exist_ok=True)
        (folder / other).write_text(text)
    folder.mkdir(exist_ok=True)

    def read(text: str) -> object:
        (folder / name).write_text(text, errors="replace")
        return plan(folder, BuildOptions())

    return read


def _in_package(folder: Path, make: Callable[[str], Mapping[str, object]]) -> Callable[[str], object]:
    read = _written(folder, "package.json", {"index.html": ""})
    usual = {"scripts": {"build": "vite build"}, "dependencies": {"vite": "*"}}
    return lambda text: read(json.dumps(usual | dict(make(text))))
