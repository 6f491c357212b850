"""The options of a build, and its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from easel.builds.managers import ManagerName

Runtime = Literal["node", "python", "none"]
Stamp = tuple[int, int]
"""The time of a file's last change (ns since 1970), and its size in bytes."""
Command = tuple[str, ...] | str
"""A command, as a list of words or as a line for the shell."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The build options from one source: a deploy, easel.toml, or an app. An option that is None is not set there.

    `root` and `ignore` are relative to the sources, and `output` is relative to the root. `install` and `build` are
    shell commands. An empty command skips the step.
    """

    root: str | None = None
    framework: str | None = None
    install: str | None = None
    build: str | None = None
    output: str | None = None
    node: str | None = None
    package_manager: str | None = None
    ignore: tuple[str, ...] | None = None

    def over(self, other: BuildOptions) -> BuildOptions:
        """Returns these options, with each value that is None replaced by the value from `other`."""
        open_ones = {each.name: getattr(other, each.name) for each in fields(self) if getattr(self, each.name) is None}
        return replace(self, **open_ones)


@dataclass(frozen=True, slots=True)
class PackageManager:
    """The package manager of a project, and the project's lock file (a path in the sources), if there is one.

    `version` is an exact version ("9.1.0"), a range (">=9 <10"), or None for the newest version. `digest` is the
    checksum of an exact version, as in `packageManager` ("sha512.ab12…").
    """

    name: ManagerName
    version: str | None = None
    lock: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan for building a folder of sources.

    `root` and `install_root` are folders in the sources ("" is the top folder). The build runs in `root`, and the
    install runs in `install_root`. The two differ in a workspace. `node` is a range of versions, or None for the newest
    LTS release. A plan with a package manager needs Node.js, even if its runtime is Python. `outputs` are possible
    output folders in the sources, the likeliest first. A `*` in an output matches a part of a name. `caches` are
    folders relative to `root` that make the next build faster. `before` maps outputs that already contain a page to
    that page's stamp, because the build has to rewrite the page. `reasons` are lines for the log.
    """

    root: str
    framework: str | None
    runtime: Runtime
    package_manager: PackageManager | None
    node: str | None
    install: Command | None
    build: Command | None
    outputs: tuple[str, ...]
    install_root: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    before: Mapping[str, Stamp] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
