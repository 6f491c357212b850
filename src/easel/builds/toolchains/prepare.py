"""Prepares the toolchain of a plan. Easel itself fetches the tools, never a build, and all builds share the tools'
folders."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from easel.builds.detect.models import PackageManager, Plan
from easel.builds.sandbox.command import Command, Mount
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.sandbox import Sandbox
from easel.builds.toolchains.errors import ToolchainError
from easel.builds.toolchains.node import choose_node
from easel.builds.toolchains.package_managers import Manager, choose_manager, choose_npm
from easel.builds.toolchains.packages import Packages
from easel.builds.toolchains.python import ENVIRONMENT, find_python, template
from easel.builds.toolchains.registries import NpmRegistry, npm_registry, python_index
from easel.builds.toolchains.registry import Registry, host_of
from easel.builds.toolchains.toolchain import (
    PROGRAMS,
    SYSTEM_PATH,
    Toolchain,
    node_environment,
    passwords,
    programs_folder,
    python_environment,
    registry_hosts,
    tool_mounts,
)
from easel.builds.tree import LeadsOutError, Tree, joined
from easel.outgoing.addresses import Destinations
from easel.outgoing.hosts import HostRules
from easel.settings import Settings

LEAST_TOOLS = 2 * 1024**3
"""Minimum size in bytes of the limit for cached tools, even if the build cache is turned off, because builds need some
tools."""
_YARN_SETTINGS = 64 * 1024

_registry: dict[str, NpmRegistry] = {}
_registries: dict[tuple[str, Destinations], Registry] = {}
"""The registries that this process knows. npm's configuration is read once, and lists of versions are cached for an
hour."""


async def prepare(plan: Plan, source: Path, sandbox: Sandbox, settings: Settings) -> Toolchain:
    """Prepares the tools of a plan, and fetches missing tools. Raises ToolchainError, VersionUnavailableError,
    VersionRangeError, and errors of `outgoing` for an unreachable registry."""
    folder = settings.data_dir.resolve() / "builds" / "tools"
    limits = Limits.of(settings)
    node = Toolchain()
    if plan.runtime == "node" or plan.package_manager is not None:
        node = await _node(plan, source, folder, sandbox, settings, limits)
    python = Toolchain()
    if plan.runtime == "python":
        python = await _python(folder, sandbox, limits)
    both = _together(node, python)
    places = dict.fromkeys(joined(root, "node_modules/.bin") for root in (plan.root, plan.install_root))
    path = [f"{ENVIRONMENT}/bin"] if python.python else []
    if node.node:
        path += [PROGRAMS, *(f"/build/{place}" for place in places)]
    return replace(both, environment={**both.environment, "PATH": ":".join([*path, SYSTEM_PATH])})


def _together(one: Toolchain, other: Toolchain) -> Toolchain:
    return Toolchain(
        mounts=(*one.mounts, *other.mounts),
        environment={**one.environment, **other.environment},
        hosts=(*one.hosts, *other.hosts),
        node=one.node or other.node,
        package_manager=one.package_manager or other.package_manager,
        python=one.python or other.python,
        venv=one.venv or other.venv,
        hidden=(*one.hidden, *other.hidden),
        reasons=(*one.reasons, *other.reasons),
    )


async def _node(
    plan: Plan, source: Path, folder: Path, sandbox: Sandbox, settings: Settings, limits: Limits
) -> Toolchain:
    used = await _npm_registry()
    destinations = Destinations.of(settings)
    registry = _registries.setdefault((used.url, destinations), Registry(used.url, destinations))
    packages = Packages(folder, registry, max(LEAST_TOOLS, settings.build_cache_bytes))
    node = await choose_node(plan.node, packages)
    wanted = plan.package_manager or PackageManager("npm")
    manager = await choose_manager(wanted, node, packages)
    npm = manager if manager.name == "npm" else await choose_npm(node, packages)
    managers = (manager,) if manager is npm else (npm, manager)
    programs = await programs_folder(folder, node, managers, unsandboxed=sandbox.kind == "unsandboxed")
    mounts = (*tool_mounts(node, managers), programs)
    hosts = registry_hosts(used)
    if manager.is_yarn_1:
        hosts = registry_hosts(used, await _host_of_yarn_1(folder, manager, mounts, sandbox, limits))
    reasons = [f"Node {node.version}, {node.source}."]
    if manager.name != "npm" or wanted.version is not None:
        reasons.append(f"{manager.name} {manager.version}.")
    return Toolchain(
        mounts=mounts,
        environment=node_environment(node, manager, used, own_registry_of_yarn=_has_own_registry(source, plan)),
        hosts=hosts,
        node=node.version,
        package_manager=f"{manager.name} {manager.version}",
        hidden=passwords(used.url),
        reasons=tuple(reasons),
    )


def _has_own_registry(source: Path, plan: Plan) -> bool:
    """Returns true if the project's Yarn settings contain a registry."""
    try:
        text = Tree(source).head(joined(plan.install_root, ".yarnrc.yml"), _YARN_SETTINGS)
    except (OSError, LeadsOutError):
        return False
    return text is not None and b"npmRegistryServer" in text


async def _npm_registry() -> NpmRegistry:
    if "npm" not in _registry:
        _registry["npm"] = await npm_registry()
    return _registry["npm"]


async def _host_of_yarn_1(
    folder: Path, manager: Manager, mounts: tuple[Mount, ...], sandbox: Sandbox, limits: Limits
) -> str:
    """Returns the host of Yarn 1's default registry, whose addresses are in the lock files of Yarn 1. Runs Yarn in the
    sandbox once to find the host."""
    noted = folder / f"yarn-{manager.version}.host"
    if noted.is_file():
        return noted.read_text()
    work = folder / f".yarn-{manager.version}"
    work.mkdir(exist_ok=True)
    sandbox.own(work)
    said = bytearray()
    command = Command(
        argv=(f"{PROGRAMS}/yarn", "config", "get", "registry"),
        work=work,
        limits=limits,
        mounts=mounts,
        environment={"PATH": f"{PROGRAMS}:{SYSTEM_PATH}"},
        hosts=HostRules(),
    )
    ended = await sandbox.run(command, said.extend)
    host = host_of(said.decode(errors="replace").strip().rpartition("\n")[2])
    if ended.code or not host:
        raise ToolchainError(reason=f"Yarn {manager.version} does not say which registry it uses")
    await asyncio.to_thread(noted.write_text, host)
    return host


async def _python(folder: Path, sandbox: Sandbox, limits: Limits) -> Toolchain:
    python = await asyncio.to_thread(find_python)
    made = await template(python, folder, sandbox, limits)
    index = python_index()
    hosts = index.hosts if index.url is not None else (*made.hosts, *index.hosts)
    return Toolchain(
        mounts=python.mounts,
        environment=python_environment(index),
        hosts=hosts,
        python=python.version,
        venv=made,
        hidden=passwords(index.url, *index.more),
        reasons=(f"Python {python.version}, with pip {made.pip}.",),
    )
