"""A tool that makes sites of sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

_NPM: Final = "npm run build"


@dataclass(frozen=True, slots=True)
class Framework:
    """A tool that makes a site.

    `files` and `packages` (of npm) identify its projects, either of them; `outputs` are the folders that it may write,
    the likeliest first. `command` is its own build command, `scripts` are the names under which it usually stands in
    package.json, and `marks` are words of a script that runs it.
    """

    name: str
    title: str
    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("dist",)
    command: str = ""
    scripts: tuple[str, ...] = ("build",)
    marks: tuple[str, ...] = ()
    needs: Literal["node", "python", "ruby", "dart", "rust", "quarto"] = "node"
    advice: str = _NPM
    """The command to build it, for messages of the command line."""
    server_output: str | None = None
    """Its output for an app with its own server, which Easel does not run."""
    static: str = ""
    """The setting for a static app instead."""
    general: bool = False
    """Whether other tools of this list are built on it, or have a file of that name as well."""
    makes_libraries: bool = False
    """Whether libraries are built with it as well: then a project is a site if it has a page."""
    caches: tuple[str, ...] = ()
    """Folders that its next build gains from."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables for the build: no telemetry, no questions."""
