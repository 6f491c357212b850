"""A site generator or bundler that Easel knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

_NPM: Final = "npm run build"


@dataclass(frozen=True, slots=True)
class Framework:
    """A tool that makes a site.

    A project uses the tool if the project has one of the `files`, or one of the `packages` of npm. `outputs` are the
    folders that the tool may write, the likeliest first. `command` is the tool's own build command. `scripts` are the
    usual names of scripts in package.json that run this command. `marks` are words in a script that show that the
    script runs the tool.
    """

    name: str
    title: str
    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("dist",)
    command: str = ""
    scripts: tuple[str, ...] = ("build",)
    marks: tuple[str, ...] = ()
    needs: Literal["node", "python", "ruby", "dart", "rust", "quarto", "deno", "dotnet"] = "node"
    advice: str = _NPM
    """The command that builds a project of this tool, as the messages of the command line show it."""
    server_output: str | None = None
    """The output folder of an app of this tool that needs its own server process. Easel does not run such apps."""
    static: str = ""
    """The configuration that makes the tool write a static app, as the messages of the command line show it."""
    general: bool = False
    """True if other tools in the table of frameworks use this tool, or if another tool has a file of the same name."""
    makes_libraries: bool = False
    """True if the tool also builds libraries. A project of such a tool is a site only if it has a page."""
    caches: tuple[str, ...] = ()
    """Folders that the tool writes, and that make its next build faster. They are cached between builds."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables for the build, such as those that turn off telemetry and questions."""
