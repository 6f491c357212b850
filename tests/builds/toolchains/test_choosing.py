"""The versions of Node and of package managers for a project."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from easel.builds.detect.models import PackageManager
from easel.builds.toolchains import node as nodes
from easel.builds.toolchains.errors import ToolIntegrityError, VersionRangeError, VersionUnavailableError
from easel.builds.toolchains.node import Node, architecture, choose_node
from easel.builds.toolchains.package_managers import choose_manager, choose_npm
from easel.builds.toolchains.packages import Packages
from easel.builds.toolchains.ranges import check_range
from easel.builds.toolchains.toolchain import programs_folder
from tests.builds.toolchains.registry import Shelf, shelf

LOCAL = Node("24.1.0", Path("/opt/local"), "/opt/node/bin/node", "/opt/node/npm/bin/npm-cli.js", "11.3.0", None, "here")
NODES = ("18.20.8", "20.19.0", "22.5.0", "24.9.0", "26.0.0", "27.0.0-rc.1")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr(nodes, "local_nodes", lambda: iter([LOCAL]))
    with shelf() as found:
        for version in NODES:
            found.add(f"node-linux-{architecture()}", version, {"package/bin/node": b"node"}, bin={"node": "bin/node"})
        yield found


@pytest.fixture
def packages(tmp_path: Path, shop: Shelf) -> Packages:
    return Packages(tmp_path / "tools", shop.registry, 1024**3)


async def test_the_builders_own_node_is_taken_where_it_is_admitted(packages: Packages, shop: Shelf) -> None:
    for wanted in (None, "24", ">=20", "^24.1.0 || 18", "*"):
        assert await choose_node(wanted, packages) is LOCAL
    assert shop.asked == []


@pytest.mark.parametrize(("wanted", "version"), [("22", "22.5.0"), ("<=20", "20.19.0"), ("26.x", "26.0.0")])
async def test_the_newest_version_of_node_within_the_range_is_chosen(
    packages: Packages, wanted: str, version: str
) -> None:
    node = await choose_node(wanted, packages)
    assert node.version == version
    assert node.folder is not None
    assert (node.folder / "bin" / "node").read_bytes() == b"node"


async def test_a_missing_node_is_refused_with_the_available_versions(packages: Packages) -> None:
    with pytest.raises(VersionUnavailableError) as caught:
        await choose_node("99", packages)
    assert (
        caught.value.message
        == "Node 99 is not available. The available versions are 26.0.0, 24.9.0, 22.5.0, 20.19.0, 18.20.8."
    )


@pytest.mark.parametrize("wanted", ["twenty", "1" * 300, "22\nRUN", "file:../node", ">" * 150])
def test_a_text_that_is_no_range_is_refused(wanted: str) -> None:
    with pytest.raises(VersionRangeError):
        check_range("Node", wanted)


async def test_a_package_manager_that_needs_a_newer_node_is_skipped(packages: Packages, shop: Shelf) -> None:
    for version, node in (("9.15.0", ">=18"), ("10.1.0", ">=18.12"), ("11.0.0", ">=26"), ("11.1.0-rc.1", ">=18")):
        shop.add("pnpm", version, {"package/bin/pnpm.cjs": b""}, bin={"pnpm": "bin/pnpm.cjs"}, engines={"node": node})
    chosen = [
        (await choose_manager(PackageManager("pnpm", version), LOCAL, packages)).version
        for version in (None, "9", "11.0.0", "11")
    ]
    # A pinned version is used as it is. If no version in a range fits, the newest version is chosen, and reports the
    # problem itself.
    assert chosen == ["10.1.0", "9.15.0", "11.0.0", "11.0.0"]


async def test_yarn_is_one_package_before_version_2_and_another_after(packages: Packages, shop: Shelf) -> None:
    shop.add("yarn", "1.22.22", {"package/bin/yarn.js": b"1"}, bin={"yarn": "./bin/yarn.js"})
    shop.add("@yarnpkg/cli-dist", "4.9.0", {"package/bin/yarn.js": b"4"}, bin={"yarn": "bin/yarn.js"})
    first = await choose_manager(PackageManager("yarn", "1"), LOCAL, packages)
    later = await choose_manager(PackageManager("yarn", "4"), LOCAL, packages)
    assert (first.version, first.is_yarn_1, later.version, later.is_yarn_1) == ("1.22.22", True, "4.9.0", False)
    with pytest.raises(
        VersionUnavailableError, match=r"Yarn 9 is not available\. The available versions are 4\.9\.0, 1\.22\.22\."
    ):
        await choose_manager(PackageManager("yarn", "9"), LOCAL, packages)


async def test_nodes_own_npm_is_used_unless_another_is_asked_for(packages: Packages, shop: Shelf) -> None:
    shop.add("npm", "10.9.0", {"package/bin/npm-cli.js": b""}, bin={"npm": "bin/npm-cli.js"}, engines={"node": ">=18"})
    shop.add("npm", "12.0.0", {"package/bin/npm-cli.js": b""}, bin={"npm": "bin/npm-cli.js"}, engines={"node": ">=26"})
    own = await choose_manager(PackageManager("npm"), LOCAL, packages)
    assert (own.version, own.folder) == ("11.3.0", None)
    other = await choose_manager(PackageManager("npm", "10"), LOCAL, packages)
    assert other.version == "10.9.0"
    bare = await choose_node("22", packages)
    assert (await choose_npm(bare, packages)).version == "10.9.0"


async def test_a_pin_is_verified_as_corepack_does(packages: Packages, shop: Shelf) -> None:
    archive = shop.add("pnpm", "10.1.0", {"package/bin/pnpm.cjs": b""}, bin={"pnpm": "bin/pnpm.cjs"})
    shop.add("yarn", "1.22.22", {})
    shop.add("@yarnpkg/cli-dist", "4.9.0", {"package/bin/yarn.js": b"program"}, bin={"yarn": "bin/yarn.js"})
    pins = {
        "pnpm": ("10.1.0", hashlib.sha512(archive).hexdigest()),
        "yarn": ("4.9.0", hashlib.sha512(b"program").hexdigest()),
    }
    for name, (version, digest) in pins.items():
        right = PackageManager(name, version, digest=f"sha512.{digest}")  # type: ignore[arg-type]
        assert (await choose_manager(right, LOCAL, packages)).version == version
        for wrong in (f"sha512.{digest[::-1]}", f"sha256.{digest}", f"md5.{digest}", "sha512."):
            with pytest.raises(ToolIntegrityError):
                await choose_manager(PackageManager(name, version, digest=wrong), LOCAL, packages)  # type: ignore[arg-type]


async def test_programs_run_with_the_chosen_node(packages: Packages, shop: Shelf) -> None:
    shop.add("yarn", "1.22.22", {"package/bin/yarn.js": b"1"}, bin={"yarn": "./bin/yarn.js", "yarnpkg": "bin/yarn.js"})
    shop.add("@yarnpkg/cli-dist", "4.9.0", {})
    npm = await choose_npm(LOCAL, packages)
    yarn = await choose_manager(PackageManager("yarn", "1"), LOCAL, packages)
    folder = (await programs_folder(packages.folder, LOCAL, (npm, yarn))).source
    assert sorted(path.name for path in folder.iterdir()) == ["node", "npm", "npx", "yarn", "yarnpkg"]
    assert (folder / "yarn").read_text() == '#!/bin/sh\nexec /opt/node/bin/node /opt/yarn/bin/yarn.js "$@"\n'
    assert (folder / "npx").read_text() == '#!/bin/sh\nexec /opt/node/bin/node /opt/node/npm/bin/npx-cli.js "$@"\n'
    assert (await programs_folder(packages.folder, LOCAL, (npm, yarn))).source == folder
