"""The detected changes of a build's dependencies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from easel.builds.cache.states import TreeState

MODULES = ("node_modules", "packages/[web] *x/node_modules")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for path in MODULES:
        for file in ("vite/bin/vite.js", ".package-lock.json", ".pnpm/a/index.js", ".cache/x"):
            (tmp_path / path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path / file).write_text("x" * 10)
        (tmp_path / path / "link").symlink_to("vite")
    return tmp_path


async def look(top: Path, most: int = 1000) -> TreeState | None:
    return await TreeState.of(top, MODULES, [f"{path}/.cache" for path in MODULES], most)


def overwrite(top: Path) -> None:
    """Overwrites a file with other bytes of the same length, and restores its times."""
    file = top / MODULES[1] / "vite/bin/vite.js"
    times = file.stat()
    with file.open("r+") as opened:
        opened.write("y" * 10)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def replace(top: Path) -> None:
    file = top / MODULES[1] / "vite/bin/vite.js"
    (top / "other").write_text("x" * 10)
    (top / "other").rename(file)


CHANGES: dict[str, Callable[[Path], object]] = {
    "other bytes": overwrite,
    "another file": replace,
    "rights": lambda top: (top / MODULES[0] / "vite/bin/vite.js").chmod(0o4755),
    "rights of a folder": lambda top: (top / MODULES[0] / "vite").chmod(0o700),
    "one more": lambda top: (top / MODULES[0] / ".pnpm" / "new").write_text(""),
    "a folder more": lambda top: (top / MODULES[0] / "new").mkdir(),
    "one more name": lambda top: os.link(top / MODULES[0] / "vite/bin/vite.js", top / "elsewhere"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_each_change_is_seen_and_nothing_is_missing(top: Path, change: Callable[[Path], object]) -> None:
    before = await look(top)
    assert before is not None
    assert await look(top) == before
    change(top)
    after = await look(top)
    assert after is not None
    assert after != before
    assert before.is_part_of(after)


async def test_caches_of_tools_are_no_change(top: Path) -> None:
    before = await look(top)
    for path in MODULES:
        (top / path / ".cache" / "y").write_text("new")
    assert await look(top) == before


async def test_a_removed_path_is_missing_in_the_state(top: Path) -> None:
    before = await look(top)
    (top / MODULES[1] / "link").unlink()
    after = await look(top)
    assert before is not None
    assert after is not None
    assert not before.is_part_of(after)


async def test_a_link_in_place_of_the_folder_is_a_change(top: Path) -> None:
    before = await look(top)
    (top / "node_modules").rename(top / "away")
    (top / "node_modules").symlink_to("away")
    assert await look(top) != before


async def test_a_tree_that_is_too_large_or_gone_has_no_state(top: Path) -> None:
    assert await look(top, most=5) is None
    (top / "node_modules").rename(top / "away")
    assert await look(top) is None
