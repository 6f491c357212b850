"""Deployed sources become versions: the platform's own builder builds them, and they are visited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from testbed.registry import RegistryMissingError, networks_of_the_registry
from testbed.running import Platform, RunningApp, make_platform, zip_of
from tests.builds.real.building import PROJECTS

pytestmark = pytest.mark.builds


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Yields a platform that builds."""
    try:
        networks = networks_of_the_registry()
    except RegistryMissingError as error:
        pytest.skip(str(error))
    platform = make_platform(tmp_path_factory.mktemp("builds"), EASEL_PRIVATE_NETWORKS=",".join(networks))
    platform.start()
    yield platform
    platform.stop()


def deployed(app: RunningApp, project: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Deploys the sources of a project, and waits."""
    folder = PROJECTS / project
    files: dict[str, str | bytes] = {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    order = app.order(app.upload(zip_of(files)), build=True, **({"build_config": settings} if settings else {}))
    status = app.wait(order, 540)
    if (status.get("error") or {}).get("code") == "sandbox_unavailable":
        pytest.skip(status["error"]["message"])
    return status


@pytest.mark.parametrize(
    ("project", "title", "settings"),
    [
        ("vite", "Built with Vite", None),
        ("astro", "Built with Astro", None),
        ("sveltekit", "Built with SvelteKit", None),
        ("pnpm-monorepo", "Built in a monorepo", {"root": "apps/web"}),
        ("mkdocs", "Built with MkDocs", None),
    ],
)
def test_sources_become_a_version(
    builds: Platform, project: str, title: str, settings: Mapping[str, Any] | None
) -> None:
    app = RunningApp.create(builds)
    status = deployed(app, project, settings)
    assert status["status"] == "complete", status
    assert title in app.visit().text
    assert status["build"]["sandbox"] in ("sandboxed", "unsandboxed")


def test_a_second_deploy_needs_no_install_and_stores_no_new_bytes(builds: Platform) -> None:
    app = RunningApp.create(builds)
    first, second = deployed(app, "vite"), deployed(app, "vite")
    assert (first["build"]["cache"], second["build"]["cache"]) == ("cold", "warm")
    assert "install" not in second["build"]["seconds"]
    assert (second["status"], second["version"]) == ("complete", 2)
    app.client.delete(f"{app.path}/build-cache").raise_for_status()
    assert deployed(app, "vite")["build"]["cache"] == "cold"
