"""Tools are fetched once, checked against their digests, and cannot be changed afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from easel.builds.toolchains.errors import (
    RegistryUnreachableError,
    ToolIntegrityError,
    ToolPackageError,
    ToolsTooLargeError,
)
from easel.builds.toolchains.packages import Packages
from easel.builds.toolchains.registry import Release, strongest
from easel.outgoing.addresses import Destinations
from easel.outgoing.errors import DestinationRefusedError
from tests.builds.toolchains.registry import Shelf, packed, shelf

LIMIT = 1024**3
FILES = {"package/package.json": b"{}", "package/bin/tool.js": b"run"}


@pytest.fixture
def shop() -> Iterator[Shelf]:
    with shelf() as found:
        yield found


async def release_of(shop: Shelf, name: str = "tool", version: str = "1.0.0") -> Release:
    return await shop.registry.exactly(name, name, version)


async def test_a_tool_is_unpacked_read_only_and_fetched_once(tmp_path: Path, shop: Shelf) -> None:
    shop.add("tool", "1.0.0", FILES, bin={"tool": "./bin/tool.js"})
    packages = Packages(tmp_path / "tools", shop.registry, LIMIT)
    release = await release_of(shop)
    found = await asyncio.gather(*(packages.unpacked(release) for _ in range(3)))
    again = await packages.unpacked(release)
    assert {*found, again} == {tmp_path / "tools" / "tool-1.0.0"}
    assert [path.name for path in (tmp_path / "tools").iterdir()] == ["tool-1.0.0"]
    program = again / "bin" / "tool.js"
    assert program.read_bytes() == b"run"
    modes = {oct(path.stat().st_mode & 0o777) for path in (again, program, again / "package.json")}
    assert modes == {"0o555", "0o444"}
    asked = len(shop.asked)
    await packages.unpacked(release)
    assert len(shop.asked) == asked


async def test_a_tool_with_another_digest_is_refused_and_nothing_is_left(tmp_path: Path, shop: Shelf) -> None:
    wrong = "sha512-" + "A" * 86 + "=="
    shop.add("tool", "1.0.0", FILES, integrity=wrong)
    with pytest.raises(ToolIntegrityError, match=r"tool@1\.0\.0 .* sha512"):
        await Packages(tmp_path / "tools", shop.registry, LIMIT).unpacked(await release_of(shop))
    assert list((tmp_path / "tools").iterdir()) == []


@pytest.mark.parametrize(
    "files",
    [
        {"package/../../evil": b"x"},
        {"/package/evil": b"x"},
        {"package/a/../../../evil": b"x"},
        {"evil": b"x"},
    ],
)
async def test_a_package_that_leads_out_of_its_folder_is_refused(
    tmp_path: Path, shop: Shelf, files: dict[str, bytes]
) -> None:
    shop.add("tool", "1.0.0", files)
    with pytest.raises(ToolPackageError):
        await Packages(tmp_path / "tools", shop.registry, LIMIT).unpacked(await release_of(shop))
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "tools" / "evil").exists()


async def test_links_of_a_package_are_not_made(tmp_path: Path, shop: Shelf) -> None:
    shop.add("tool", "1.0.0", {}, archive=packed(FILES, links={"package/out": "/etc"}))
    folder = await Packages(tmp_path / "tools", shop.registry, LIMIT).unpacked(await release_of(shop))
    assert sorted(os.listdir(folder)) == ["bin", "package.json"]


async def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, shop: Shelf) -> None:
    shop.add("tool", "1.0.0", {}, archive=b"<html>sign in</html>")
    with pytest.raises(ToolPackageError):
        await Packages(tmp_path / "tools", shop.registry, LIMIT).unpacked(await release_of(shop))


async def test_a_pinned_tool_never_uses_an_unverified_folder(tmp_path: Path, shop: Shelf) -> None:
    archive = shop.add("tool", "1.0.0", FILES)
    packages = Packages(tmp_path / "tools", shop.registry, LIMIT)
    release = await release_of(shop)
    await packages.unpacked(release)

    def refuse(folder: Path, archive: Path) -> None:
        raise ToolIntegrityError(package="tool@1.0.0", algorithm="sha512")

    with pytest.raises(ToolIntegrityError):
        await packages.unpacked(release, refuse, pin=f"sha512.{hashlib.sha512(archive + b'x').hexdigest()}")
    assert await packages.unpacked(release, pin=f"sha512.{hashlib.sha512(archive).hexdigest()}")


async def test_the_least_recently_used_tools_are_removed_first(tmp_path: Path, shop: Shelf) -> None:
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        shop.add("tool", version, {"package/big": os.urandom(200_000)})
    packages = Packages(tmp_path / "tools", shop.registry, 600_000)
    first = await packages.unpacked(await release_of(shop))
    second = await packages.unpacked(await release_of(shop, version="2.0.0"))
    # A running build may use either of the two packages.
    with pytest.raises(ToolsTooLargeError, match="EASEL_BUILD_CACHE_BYTES"):
        await packages.unpacked(await release_of(shop, version="3.0.0"))
    os.utime(first, (1, 1))
    third = await packages.unpacked(await release_of(shop, version="3.0.0"))
    assert sorted((tmp_path / "tools").iterdir()) == [second, third]


async def test_a_registry_without_the_package_is_reported(shop: Shelf) -> None:
    with pytest.raises(RegistryUnreachableError, match="404"):
        await shop.registry.releases("@no/such")
    assert shop.asked == ["/@no/such"]


async def test_a_registry_on_a_private_network_needs_the_setting(shop: Shelf) -> None:
    registry = shop.registry
    registry.destinations = Destinations()
    with pytest.raises(DestinationRefusedError, match="EASEL_PRIVATE_NETWORKS"):
        await registry.releases("tool")


def test_the_strongest_digest_counts() -> None:
    assert strongest("sha1-AAAA sha256-AAAA sha512-BBBB") == ("sha512", b"\x04\x10A")
    assert strongest("sha1-AAAA") is None
    assert strongest("sha512-%%%") is None
