"""A build's tools in the form that the sandbox takes: folders to mount, programs on the path, variables and hosts."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from easel.builds.sandbox.command import Mount
from easel.builds.toolchains.node import INSIDE, Node
from easel.builds.toolchains.package_managers import Manager
from easel.builds.toolchains.packages import install, make_read_only, remove
from easel.builds.toolchains.python import ENVIRONMENT, Template
from easel.builds.toolchains.registries import NpmRegistry, PythonIndex
from easel.builds.toolchains.registry import host_of

PROGRAMS = "/opt/bin"
DOWNLOADS = "/home/build/.downloads"
"""The folder of the package managers' downloads in the sandbox."""
_WARNS = 11
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The tools of a build. `key` contains the versions of Node and the package manager, for caches. `venv` is a
    virtual environment to copy and mount. `hidden` are passwords in addresses, which must not appear in a log."""

    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    node: str | None = None
    package_manager: str | None = None
    python: str | None = None
    venv: Template | None = None
    hidden: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Returns the versions of the tools as a text for cache keys."""
        return f"node {self.node}, {self.package_manager}, python {self.python}"


async def programs_folder(
    folder: Path, node: Node, managers: tuple[Manager, ...], *, unsandboxed: bool = False
) -> Mount:
    """Returns a folder with one program for each command of Node and the package managers. Each set of tools has one
    folder. Programs for builds without a sandbox contain paths of this machine."""
    places = {mount.at: str(mount.source) for mount in tool_mounts(node, managers)} if unsandboxed else {}
    texts = _programs(node, managers, places)
    named = hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()[:16]
    target = folder / f"programs-{named}"
    if not target.is_dir():
        await asyncio.to_thread(_write_programs, folder, target, texts)
    os.utime(target)
    return Mount(target, PROGRAMS)


def _programs(node: Node, managers: tuple[Manager, ...], places: Mapping[str, str]) -> dict[str, str]:
    """Returns, for the name of each command such as `npm`, the text of the shell script that starts it. For a native
    program, returns the target of a symbolic link instead. `places` maps the sandbox's folders to their real paths for
    builds without a sandbox."""

    def real(path: str) -> str:
        top = "/".join(path.split("/", 3)[:3])
        return places.get(top, top) + path[len(top) :]

    def script(path: str) -> str:
        return f'#!/bin/sh\nexec {shlex.quote(real(node.program))} {shlex.quote(real(path))} "$@"\n'

    texts = {"node": real(node.program)}
    for manager in managers:
        if manager.folder is None:
            if node.npm is not None:
                base = node.npm.removesuffix("npm-cli.js")
                texts |= {name: script(f"{base}{name}-cli.js") for name in ("npm", "npx")}
            continue
        for name, path in manager.programs.items():
            inside = f"{place_of(manager)}/{path.removeprefix('./')}"
            texts[name] = real(inside) if manager.native else script(inside)
    return texts


def place_of(manager: Manager) -> str:
    """Returns the path at which a package manager's folder appears in the sandbox."""
    return f"/opt/{manager.name}"


def _write_programs(folder: Path, target: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{secrets.token_hex(8)}"
    scratch.mkdir(mode=0o755)
    try:
        for name, text in texts.items():
            if not text.startswith("#!"):
                (scratch / name).symlink_to(text)
                continue
            (scratch / name).write_text(text)
            (scratch / name).chmod(0o755)
        make_read_only(scratch)
        install(scratch, target)
    finally:
        remove(scratch)


def tool_mounts(node: Node, managers: tuple[Manager, ...]) -> tuple[Mount, ...]:
    """Returns the folders of Node, and of package managers that do not come with Node."""
    own = () if node.folder is None else (Mount(node.folder, INSIDE),)
    return (*own, *(Mount(each.folder, place_of(each)) for each in managers if each.folder is not None))


def node_environment(
    node: Node, manager: Manager, registry: NpmRegistry, *, own_registry_of_yarn: bool
) -> dict[str, str]:
    """Returns the environment variables for Node and the package manager in a build: the folder for downloads, and the
    registry."""
    said = {
        "npm_config_cache": f"{DOWNLOADS}/npm",
        "npm_config_update_notifier": "false",
        "npm_config_fund": "false",
        "npm_config_audit": "false",
    }
    if node.headers is not None:
        # Without this variable, node-gyp would download the headers. npm from version 11 on warns about unknown
        # variables with its own prefix, so npm then gets node-gyp's newer name.
        is_new = manager.name == "npm" and int(manager.version.partition(".")[0]) >= _WARNS
        said["npm_package_config_node_gyp_nodedir" if is_new else "npm_config_nodedir"] = node.headers
    if registry.chosen:
        said |= dict.fromkeys(("npm_config_registry", "pnpm_config_registry", "YARN_REGISTRY"), registry.url)
    if manager.name == "pnpm":
        said |= dict.fromkeys(("npm_config_store_dir", "pnpm_config_store_dir"), f"{DOWNLOADS}/pnpm")
        # The installed pnpm is already the required version. It must neither download itself again, nor require a line
        # about itself in a frozen lock file.
        said |= {"npm_config_manage_package_manager_versions": "false", "pnpm_config_pm_on_fail": "ignore"}
    elif manager.name == "bun":
        said["BUN_INSTALL_CACHE_DIR"] = f"{DOWNLOADS}/bun"
    elif manager.is_yarn_1:
        said["YARN_CACHE_FOLDER"] = f"{DOWNLOADS}/yarn"
    elif manager.name == "yarn":
        said |= {"YARN_GLOBAL_FOLDER": f"{DOWNLOADS}/yarn", "YARN_ENABLE_TELEMETRY": "0"}
        if not own_registry_of_yarn:
            # By default, Yarn uses its own registry, which has the same packages as npm's registry.
            said["YARN_NPM_REGISTRY_SERVER"] = registry.url.rstrip("/")
    return said


def python_environment(index: PythonIndex) -> dict[str, str]:
    """Returns the environment variables for Python and pip in a build."""
    return {
        "VIRTUAL_ENV": ENVIRONMENT,
        "PIP_CACHE_DIR": f"{DOWNLOADS}/pip",
        "UV_CACHE_DIR": f"{DOWNLOADS}/uv",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_PROGRESS_BAR": "off",
        "PYTHONUNBUFFERED": "1",
        **index.environment,
    }


def passwords(*urls: str | None) -> tuple[str, ...]:
    """Returns the passwords that these URLs contain, both as written and decoded."""
    written = [password for url in urls if url and (password := urlsplit(url).password)]
    return tuple(dict.fromkeys((*written, *map(unquote, written))))


def registry_hosts(registry: NpmRegistry, *more: str) -> tuple[str, ...]:
    """Returns the hosts that a package manager may reach, each once."""
    return tuple(dict.fromkeys((host_of(registry.url), *more)))
