"""A build finds the cache of earlier builds of its app and environment, and no other cache."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from easel.builds.cache.cache import BuildCache
from easel.builds.cache.folders import remove_folder

MIB = 1024 * 1024


@pytest.fixture
def cache(tmp_path: Path) -> BuildCache:
    return BuildCache(tmp_path / "cache", "app_one", "production", 0, 100 * MIB)


def tree(folder: Path, **files: str) -> Path:
    """Returns sources with files at paths in which `__` is a slash."""
    for path, text in files.items():
        file = folder / path.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    folder.mkdir(exist_ok=True)
    return folder


async def test_the_next_build_finds_the_cached_files(tmp_path: Path, cache: BuildCache) -> None:
    first = tree(tmp_path / "one", node_modules__a__index="1", packages__web__node_modules__b="2", src__x="3")
    (first / "node_modules" / ".bin").mkdir()
    (first / "node_modules" / ".bin" / "a").symlink_to("../a/index")
    paths = ("node_modules", "packages/web/node_modules")
    assert await cache.keep("dependencies", "k", first, paths) > 0
    assert not (first / "node_modules").exists()
    second = tree(tmp_path / "two", packages__web__package="{}")
    assert await cache.restore("dependencies", "k", second) == paths
    assert (second / "node_modules" / "a" / "index").read_text() == "1"
    assert os.readlink(second / "node_modules" / ".bin" / "a") == "../a/index"
    assert (second / "packages" / "web" / "node_modules" / "b").read_text() == "2"


async def test_changes_of_one_build_do_not_reach_another_build(tmp_path: Path, cache: BuildCache) -> None:
    await cache.keep("dependencies", "k", tree(tmp_path / "one", node_modules__a="right"), ("node_modules",))
    for number in range(2):
        build = tree(tmp_path / f"build{number}")
        await cache.restore("dependencies", "k", build)
        file = build / "node_modules" / "a"
        assert file.read_text() == "right"
        assert file.stat().st_nlink == 1
        file.write_text("wrong")


async def test_an_entry_that_was_taken_can_be_put_back(tmp_path: Path, cache: BuildCache) -> None:
    await cache.keep("dependencies", "k", tree(tmp_path / "one", node_modules__a="1"), ("node_modules",))
    build = tree(tmp_path / "two", node_modules__of_the_sources="x")
    assert await cache.restore("dependencies", "k", build, move=True) == ("node_modules",)
    assert [path.name for path in (build / "node_modules").iterdir()] == ["a"]
    # If a builder is killed now, no part of the entry remains, and a second build at the same time starts cold.
    assert not cache.has("dependencies", "k")
    assert await cache.restore("dependencies", "k", tree(tmp_path / "three"), move=True) == ()
    assert [path.name for path in cache.folder.iterdir()] == ["app_one"]
    await cache.keep("dependencies", "k", build, ("node_modules",))
    assert cache.has("dependencies", "k")


async def test_an_entry_is_taken_completely_or_not_at_all(tmp_path: Path, cache: BuildCache) -> None:
    paths = ("node_modules", "packages/web/node_modules")
    one = tree(tmp_path / "one", node_modules__a="1", packages__web__node_modules__b="2")
    await cache.keep("dependencies", "k", one, paths)
    outside = tree(tmp_path / "outside")
    hostile = tree(tmp_path / "two")
    (hostile / "packages").symlink_to(outside)
    assert await cache.restore("dependencies", "k", hostile, move=True) == ()
    assert (list(outside.iterdir()), cache.has("dependencies", "k")) == ([], True)


async def test_apps_environments_and_keys_see_nothing_of_each_other(tmp_path: Path, cache: BuildCache) -> None:
    await cache.keep("dependencies", "k", tree(tmp_path / "one", node_modules__a="1"), ("node_modules",))
    into = tree(tmp_path / "two")
    others = (
        replace(cache, app_id="app_two"),
        replace(cache, environment="staging"),
        replace(cache, generation=1),
        replace(cache, reading=False),
    )
    for other in others:
        assert await other.restore("dependencies", "k", into) == ()
    assert await cache.restore("dependencies", "other", into) == ()
    assert await cache.restore("downloads", "k", into) == ()
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("app_id", ["../other", "a/b", "", "."])
async def test_an_id_that_is_a_path_is_refused(tmp_path: Path, cache: BuildCache, app_id: str) -> None:
    with pytest.raises(ValueError, match="not an app id"):
        await replace(cache, app_id=app_id).restore("dependencies", "k", tmp_path)


async def test_nothing_is_written_through_a_link_of_the_sources(tmp_path: Path, cache: BuildCache) -> None:
    paths = ("packages/web/node_modules",)
    await cache.keep("dependencies", "k", tree(tmp_path / "one", packages__web__node_modules__a="1"), paths)
    outside = tree(tmp_path / "outside")
    hostile = tree(tmp_path / "two")
    (hostile / "packages").mkdir()
    (hostile / "packages" / "web").symlink_to(outside)
    assert await cache.restore("dependencies", "k", hostile) == ()
    assert list(outside.iterdir()) == []


async def test_a_link_in_place_of_a_folder_is_not_cached(tmp_path: Path, cache: BuildCache) -> None:
    secret = tree(tmp_path / "secret", key="x")
    build = tree(tmp_path / "one")
    (build / "node_modules").symlink_to(secret)
    (build / "packages").symlink_to(tmp_path)
    assert await cache.keep("dependencies", "k", build, ("node_modules", "packages/secret", "../secret", "")) == 0
    assert (secret / "key").read_text() == "x"


async def test_a_link_at_the_place_of_a_folder_is_replaced_not_followed(tmp_path: Path, cache: BuildCache) -> None:
    await cache.keep("framework", "k", tree(tmp_path / "one", next__cache__a="1"), ("next/cache",))
    outside = tree(tmp_path / "outside", precious="x")
    build = tree(tmp_path / "two", next__other="y")
    (build / "next" / "cache").symlink_to(outside)
    assert await cache.restore("framework", "k", build) == ("next/cache",)
    assert (build / "next" / "cache" / "a").read_text() == "1"
    assert sorted(path.name for path in outside.iterdir()) == ["precious"]


async def test_an_entry_is_replaced_as_a_whole(tmp_path: Path, cache: BuildCache) -> None:
    await cache.keep("framework", "k", tree(tmp_path / "one", next__cache__old="1"), ("next/cache",))
    await cache.keep("framework", "k", tree(tmp_path / "two", next__cache__new="2"), ("next/cache",))
    into = tree(tmp_path / "three")
    await cache.restore("framework", "k", into)
    assert [path.name for path in (into / "next" / "cache").iterdir()] == ["new"]
    assert [path.name for path in cache.folder.iterdir()] == ["app_one"]


async def test_the_least_recently_used_is_evicted(tmp_path: Path, cache: BuildCache) -> None:
    for number, app in enumerate(("app_a", "app_b", "app_c")):
        one = tree(tmp_path / app, node_modules__a="x" * MIB)
        await replace(cache, app_id=app).keep("dependencies", "k", one, ("node_modules",))
        for entry in (cache.folder / app).glob("*/*/dependencies-*"):
            os.utime(entry, (time.time() - 1000 + number,) * 2)
    # The oldest entry is used again.
    assert await replace(cache, app_id="app_a").restore("dependencies", "k", tree(tmp_path / "used"))
    await replace(cache, limit=int(2.5 * MIB)).shrink()
    left = [app for app in ("app_a", "app_b", "app_c") if replace(cache, app_id=app).has("dependencies", "k")]
    assert left == ["app_a", "app_c"]


async def test_an_entry_that_would_take_most_of_the_cache_is_not_kept(tmp_path: Path, cache: BuildCache) -> None:
    small = replace(cache, limit=MIB)
    assert (
        await small.keep("dependencies", "k", tree(tmp_path / "a", node_modules__a="x" * MIB), ("node_modules",)) == 0
    )
    assert not small.has("dependencies", "k")


async def test_a_cleared_cache_is_removed_by_the_next_build(tmp_path: Path, cache: BuildCache) -> None:
    await cache.keep("dependencies", "k", tree(tmp_path / "one", node_modules__a="1"), ("node_modules",))
    await replace(cache, generation=1).shrink()
    assert [path.name for path in (cache.folder / "app_one").iterdir()] == []


async def test_the_remains_of_a_killed_builder_are_removed_later(tmp_path: Path, cache: BuildCache) -> None:
    (cache.folder / ".gone" / "contents").mkdir(parents=True)
    os.utime(cache.folder / ".gone", (1, 1))
    (cache.folder / ".busy").mkdir()
    await cache.shrink()
    assert [path.name for path in cache.folder.iterdir()] == [".busy"]


async def test_a_folder_deeper_than_a_path_may_be_long_leaves_the_next_build_cold(
    tmp_path: Path, cache: BuildCache
) -> None:
    build = tree(tmp_path / "one")
    here = os.open(".", os.O_RDONLY)
    try:
        (build / "node_modules").mkdir()
        os.chdir(build / "node_modules")
        for _ in range(60):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    finally:
        os.chdir(here)
        os.close(here)
    assert await cache.keep("dependencies", "k", build, ("node_modules",)) > 0
    into = tree(tmp_path / "two")
    with pytest.raises(OSError, match="cp failed"):
        await cache.restore("dependencies", "k", into)
    assert list(into.iterdir()) == []
    assert not cache.has("dependencies", "k")
    for folder in (build, into, cache.folder):
        await remove_folder(folder)
        assert not folder.exists()
