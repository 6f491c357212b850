"""The package registries of builds: the registries in the builder's npm and pip configuration, or the defaults of npm
and pip.

This module contains no address of a registry. npm reports its default registry, and pip contains its default index. An
operator with a mirror configures npm and pip for the mirror, as on any machine.
"""

from __future__ import annotations

import asyncio
import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from easel.builds.toolchains.errors import RegistryUnknownError, ToolchainError
from easel.builds.toolchains.node import host_npm
from easel.builds.toolchains.registry import host_of
from easel.processes import end_process

_ASK_TIMEOUT = 30.0
_PIP_FILES = (Path("/etc/pip.conf"), Path("~/.pip/pip.conf"), Path("~/.config/pip/pip.conf"))
"""pip's configuration files, in pip's order. A later file takes precedence over an earlier file."""


@dataclass(frozen=True, slots=True)
class NpmRegistry:
    """The address of npm's registry, and whether the operator chose it. A chosen registry is configured for builds."""

    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class PythonIndex:
    """The addresses of the index that the operator chose (None for pip's default) and of additional indexes."""

    url: str | None
    more: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """Returns the environment variables with which pip and uv use these indexes."""
        said: dict[str, str] = {}
        if self.url is not None:
            said |= {"PIP_INDEX_URL": self.url, "UV_DEFAULT_INDEX": self.url}
        if self.more:
            said |= {"PIP_EXTRA_INDEX_URL": " ".join(self.more), "UV_INDEX": " ".join(self.more)}
        return said

    @property
    def hosts(self) -> tuple[str, ...]:
        """Returns the hosts of the addresses that the operator chose."""
        return tuple(host_of(url) for url in (self.url, *self.more) if url is not None)


async def npm_registry(environment: Mapping[str, str] = os.environ) -> NpmRegistry:
    """Returns the npm registry in this machine's configuration. Raises RegistryUnknownError, ToolchainError."""
    named = next((url for name, url in environment.items() if url and name.lower() == "npm_config_registry"), None)
    if named is not None:
        return NpmRegistry(_checked(named), chosen=True)
    programs = await asyncio.to_thread(host_npm)
    if programs is None:
        raise RegistryUnknownError
    # npm always writes a log into its user's folder, so it gets a temporary folder.
    with TemporaryDirectory(prefix="easel-npm-", ignore_cleanup_errors=True) as empty:
        plain = {"PATH": environment.get("PATH", os.defpath), "HOME": empty}
        nothing = (f"--userconfig={empty}/user", f"--globalconfig={empty}/global")
        used, default = await asyncio.gather(
            _ask(programs, {**environment, "npm_config_logs_max": "0"}, ()),
            _ask(programs, plain, nothing),
        )
    return NpmRegistry(_checked(used), chosen=used != default)


def python_index(environment: Mapping[str, str] = os.environ) -> PythonIndex:
    """Returns the index in this machine's pip configuration: from its variables, then its files."""
    configured = _pip_files(environment)
    url = environment.get("PIP_INDEX_URL") or configured.get("index-url")
    more = (environment.get("PIP_EXTRA_INDEX_URL") or configured.get("extra-index-url") or "").split()
    return PythonIndex(
        url=url if url and _is_web(url) else None,
        # An index in a folder of this machine is left out, because the folder does not exist in the sandbox.
        more=tuple(address for address in more if _is_web(address)),
    )


def _pip_files(environment: Mapping[str, str]) -> dict[str, str]:
    named = environment.get("PIP_CONFIG_FILE")
    files = [*(path.expanduser() for path in _PIP_FILES), *([Path(named)] if named else [])]
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(file.read_text())
        except (OSError, UnicodeError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update(parser.items(section))
    return found


async def _ask(programs: tuple[str, str], environment: dict[str, str], options: tuple[str, ...]) -> str:
    """Runs `npm config get registry` outside of all projects, so that no project's configuration applies."""
    process = await asyncio.create_subprocess_exec(
        *programs,
        "config",
        "get",
        "registry",
        *options,
        cwd="/",
        env={**environment, "npm_config_update_notifier": "false"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_ASK_TIMEOUT):
            said, _ = await process.communicate()
    except TimeoutError as error:
        raise ToolchainError(reason="npm does not say which registry it uses") from error
    finally:
        await end_process(process)
    if process.returncode:
        raise ToolchainError(reason=f"npm ended with exit code {process.returncode} when asked for its registry")
    return said.decode(errors="replace").strip()


def _checked(url: str) -> str:
    if not _is_web(url):
        raise ToolchainError(reason="the registry in npm's configuration is not a web address")
    return url if url.endswith("/") else f"{url}/"


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
