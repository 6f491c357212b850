"""Builds use the registries in the builder's npm and pip configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from easel.builds.toolchains.errors import ToolchainError
from easel.builds.toolchains.node import Node, host_npm
from easel.builds.toolchains.package_managers import Manager
from easel.builds.toolchains.registries import NpmRegistry, npm_registry, python_index
from easel.builds.toolchains.registry import host_of
from easel.builds.toolchains.toolchain import node_environment, passwords

NODE = Node("24.1.0", None, "/usr/bin/node", None, None, None, "here")
MIRROR = "https://ada:open%20sesame@mirror.example.com:8443/npm/"


def plain(home: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), **more}


async def test_a_variable_for_the_registry_overrides_all_other_settings(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_text("registry=https://other.example.com/\n")
    found = await npm_registry(plain(tmp_path, NPM_CONFIG_REGISTRY=MIRROR.rstrip("/")))
    assert found == NpmRegistry(MIRROR, chosen=True)
    assert (host_of(found.url), passwords(found.url, None)) == (
        "mirror.example.com:8443",
        ("open%20sesame", "open sesame"),
    )


@pytest.mark.skipif(host_npm() is None, reason="there is no npm on this machine")
async def test_npm_is_asked_for_its_configured_registry(tmp_path: Path) -> None:
    default = await npm_registry(plain(tmp_path))
    assert not default.chosen
    (tmp_path / ".npmrc").write_text("registry=https://mirror.example.com/npm\n")
    assert await npm_registry(plain(tmp_path)) == NpmRegistry("https://mirror.example.com/npm/", chosen=True)


@pytest.mark.parametrize("url", ["file:///etc", "mirror.example.com", "https://", "ftp://x/"])
async def test_a_registry_without_a_web_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ToolchainError):
        await npm_registry(plain(tmp_path, npm_config_registry=url))


def test_pips_settings_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://a.example.com/simple\nextra-index-url = https://b.example.com/s /opt/w\n"
    )
    found = python_index({"PIP_CONFIG_FILE": str(file)})
    assert (found.url, found.more) == ("https://a.example.com/simple", ("https://b.example.com/s",))
    assert found.hosts == ("a.example.com", "b.example.com")
    chosen = python_index({"PIP_CONFIG_FILE": str(file), "PIP_INDEX_URL": "https://c.example.com/simple"})
    assert chosen.environment["PIP_INDEX_URL"] == "https://c.example.com/simple"
    file.write_text("no configuration")
    assert python_index({"PIP_CONFIG_FILE": str(file)}).url is None


def test_builds_get_only_the_registry_that_was_chosen() -> None:
    npm = Manager("npm", "11.0.0", None)
    default = node_environment(NODE, npm, NpmRegistry(MIRROR, chosen=False), own_registry_of_yarn=False)
    assert not any("registry" in name.lower() for name in default)
    chosen = node_environment(NODE, npm, NpmRegistry(MIRROR, chosen=True), own_registry_of_yarn=False)
    assert chosen["npm_config_registry"] == MIRROR


def test_yarn_asks_npms_registry_unless_the_project_names_its_own() -> None:
    berry, registry = Manager("yarn", "4.9.0", None), NpmRegistry("https://r.example.com/", chosen=False)
    told = node_environment(NODE, berry, registry, own_registry_of_yarn=False)
    assert told["YARN_NPM_REGISTRY_SERVER"] == "https://r.example.com"
    assert "YARN_NPM_REGISTRY_SERVER" not in node_environment(NODE, berry, registry, own_registry_of_yarn=True)
