"""The folders that a build reuses from the last build of its app, and the folders that it never reuses."""

from __future__ import annotations

import json

import pytest

from easel.builds.detect.models import BuildOptions
from easel.builds.failures import BuildCommandFailedError, InstallCommandFailedError
from easel.builds.toolchains.errors import VersionUnavailableError
from tests.builds.real.building import PROJECTS, Builder

pytestmark = pytest.mark.builds

PACKAGE = json.loads((PROJECTS / "vite" / "package.json").read_text())


def package(**scripts: str) -> dict[str, str]:
    return {"package.json": json.dumps({**PACKAGE, "scripts": {**PACKAGE["scripts"], **scripts}})}


@pytest.fixture(scope="module", autouse=True)
def built_once(builder: Builder) -> None:
    builder.build("vite", app="app_reuse")


def test_the_same_lock_file_needs_no_install_and_gives_the_same_site(builder: Builder) -> None:
    first = builder.build("vite", app="app_reuse")
    second = builder.build("vite", app="app_reuse")
    assert first.files == second.files
    assert (second.report.cache, "install" in second.report.seconds) == ("warm", False)


def test_a_script_of_an_install_is_run_each_time(builder: Builder) -> None:
    changes = package(postinstall="echo the script runs > public.txt && cat public.txt")
    for _ in range(2):
        assert "the script runs" in builder.build("vite", changes, app="app_reuse").log


def test_a_failed_build_leaves_nothing_and_the_next_build_has_the_earlier_dependencies(builder: Builder) -> None:
    fails = "mkdir -p node_modules/.cache && echo half > node_modules/.cache/x; exit 3"
    with pytest.raises(BuildCommandFailedError, match="exit code 3"):
        builder.build("vite", package(build=fails), app="app_reuse")
    next_one = builder.build("vite", package(build="test ! -e node_modules/.cache/x && vite build"), app="app_reuse")
    assert (next_one.report.cache, "install" in next_one.report.seconds) == ("warm", False)


def test_dependencies_that_a_failed_build_has_changed_are_installed_again(builder: Builder) -> None:
    spoils = "echo 'throw new Error(1)' > node_modules/vite/bin/vite.js; exit 3"
    with pytest.raises(BuildCommandFailedError, match="exit code 3"):
        builder.build("vite", package(build=spoils), app="app_reuse")
    assert "install" in builder.build("vite", app="app_reuse").report.seconds


def test_dependencies_that_a_build_has_removed_are_installed_again(builder: Builder) -> None:
    builder.build("vite", package(build="vite build && rm -r node_modules/vite"), app="app_reuse")
    assert "install" in builder.build("vite", app="app_reuse").report.seconds


def test_a_build_cannot_spoil_the_dependencies_of_another_app(builder: Builder) -> None:
    builder.build("vite", app="app_other", reading=False)
    spoils = "vite build && echo 'throw new Error(1)' > node_modules/vite/bin/vite.js"
    builder.build("vite", package(build=spoils), app="app_reuse", reading=False)
    with pytest.raises(BuildCommandFailedError):
        builder.build("vite", app="app_reuse")
    assert builder.build("vite", app="app_other").report.cache == "warm"
    cleared = builder.build("vite", app="app_reuse", generation=1)
    assert "install" in cleared.report.seconds


def test_a_lock_file_that_does_not_match_is_reported_with_the_next_step(builder: Builder) -> None:
    changes = {"package.json": json.dumps({**PACKAGE, "dependencies": {"left-pad": "1.3.0"}})}
    with pytest.raises(InstallCommandFailedError, match=r"The lock file does not match package\.json"):
        builder.build("vite", changes, app="app_reuse")


def test_a_missing_version_of_node_is_refused_with_the_available_versions(builder: Builder) -> None:
    with pytest.raises(VersionUnavailableError, match=r"Node 9999 is not available. The available versions are \d+"):
        builder.build("vite", wanted=BuildOptions(node="9999"))


def test_another_version_of_node_comes_from_the_registry(builder: Builder) -> None:
    changes = package(build="node -e \"require('fs').mkdirSync('dist');\" && node --version > dist/index.html")
    site = builder.build("vite", changes, wanted=BuildOptions(node="22", install=""), app="app_node")
    assert site.files["index.html"].startswith("v22.")


def test_a_refused_host_is_reported_with_the_setting_that_allows_it(builder: Builder) -> None:
    asks = "node -e \"fetch('https://fonts.example.com').catch(e => process.exit(1))\""
    with pytest.raises(BuildCommandFailedError, match=r"fonts\.example\.com.*EASEL_BUILD_HOSTS"):
        builder.build("vite", package(build=asks), wanted=BuildOptions(install=""), app="app_hosts")
