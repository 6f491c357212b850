"""Projects are built from their lock files, each with its own package manager, in the sandbox."""

from __future__ import annotations

import json

import pytest

from easel.builds.detect.models import BuildOptions
from easel.builds.failures import BuildFailedError
from tests.builds.real.building import PROJECTS, Builder

pytestmark = pytest.mark.builds


def test_a_vite_app_is_built_with_npm_and_the_apps_own_variables(builder: Builder) -> None:
    site = builder.build("vite", environment={"VITE_PLACE": "an app's variable"})
    assert "<title>Built with Vite</title>" in site.files["index.html"]
    assert "an app's variable" in site.text(".js")
    assert (site.report.framework, site.report.cache) == ("vite", "cold")
    assert site.report.sandbox == builder.sandbox.kind
    assert site.report.refused == []
    assert site.log[0] == f"This build runs {builder.sandbox.kind}."


def test_npm_does_not_repeat_refused_connections_without_end(builder: Builder) -> None:
    # npm downloads 15 packages at a time. If a proxy refuses them, npm connects without end for the packages that wait.
    lock = json.loads((PROJECTS / "vite" / "package-lock.json").read_text())
    for path, package in lock["packages"].items():
        if path:
            package["resolved"] = f"https://packages.example.org/{path}.tgz"
    with pytest.raises(BuildFailedError) as caught:
        builder.build("vite", {"package-lock.json": json.dumps(lock)}, app="app_refused")
    refused = (
        "The connection to packages.example.org was refused. An operator can allow this host with EASEL_BUILD_HOSTS."
    )
    assert caught.value.code == "install_host_refused"
    assert refused in caught.value.message
    assert refused in caught.value.__notes__[0].splitlines()


def test_an_app_of_a_pnpm_monorepo_is_built_with_the_packages_beside_it(builder: Builder) -> None:
    site = builder.build("pnpm-monorepo", wanted=BuildOptions(root="apps/web"))
    assert "Hello from" in site.text(".js")
    assert "the monorepo" in site.text(".js")
    assert site.report.package_manager == "pnpm 10.34.9"
    again = builder.build("pnpm-monorepo", wanted=BuildOptions(root="apps/web"))
    assert again.files == site.files
    assert "install" not in again.report.seconds


def test_a_yarn_project_without_node_modules_is_built_and_built_again(builder: Builder) -> None:
    site = builder.build("yarn")
    assert "Hello from Yarn" in site.text(".js")
    again = builder.build("yarn")
    assert again.files == site.files
    # Yarn's packages are archives in its cache, so the install runs, but fetches nothing.
    assert (again.report.cache, "install" in again.report.seconds) == ("warm", True)
    assert not any("packages were added to the project" in line for line in again.log)


def test_a_bun_project_is_built(builder: Builder) -> None:
    site = builder.build("bun")
    assert "<title>Built with Bun</title>" in site.files["index.html"]
    assert site.report.package_manager is not None
    assert site.report.package_manager.startswith("bun 1.")
