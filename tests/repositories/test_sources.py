"""The texts of a tree for comparing versions: always the same for the same tree, and never a text from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from easel.builds.cache.folders import remove_tree
from easel.repositories.fetch.sources import LONGEST_LOCK, SourceLimits, source_files

LIMITS = SourceLimits(files=2_000, bytes=1_000_000)


def tree(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def test_only_text_files_are_taken(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "src/a.js": "a",
            "ü.txt": "ü",
            "picture.png": b"\x89PNG\x00",
            "latin.txt": "ü".encode("latin-1"),
            "node_modules/x/index.js": "x",
            "packages/a/node_modules/y.js": "y",
            ".git/config": "x",
            "package-lock.json": "x" * (LONGEST_LOCK + 1),
            "web/yarn.lock": "short",
            "empty": "",
        },
    )
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"not-\xff-utf8")).write_text("x")
    assert source_files(tmp_path, LIMITS) == {
        "empty": "",
        "src/a.js": "a",
        "web/yarn.lock": "short",
        "ü.txt": "ü",
    }


def test_the_smallest_of_too_many_files_are_taken(tmp_path: Path) -> None:
    tree(tmp_path, {f"{n}.txt": "x" * n for n in range(1, 20)})
    assert list(source_files(tmp_path, SourceLimits(files=3, bytes=1000))) == ["1.txt", "2.txt", "3.txt"]
    assert list(source_files(tmp_path, SourceLimits(files=100, bytes=10))) == ["1.txt", "2.txt", "3.txt", "4.txt"]
    assert source_files(tmp_path, SourceLimits(files=0, bytes=10)) == {}


def test_nested_folders_are_followed_only_to_a_limit(tmp_path: Path) -> None:
    tree(tmp_path, {"a.txt": "a", "d/" * 64 + "deep.txt": "b", "d/" * 65 + "deeper.txt": "c"})
    below = "import os\nfor _ in range(1500):\n    os.mkdir('e')\n    os.chdir('e')"
    subprocess.run([sys.executable, "-c", below], cwd=tmp_path / "d", check=True)
    try:
        assert list(source_files(tmp_path, LIMITS)) == ["a.txt", "d/" * 64 + "deep.txt"]
    finally:
        # No other user can read this folder.
        remove_tree(tmp_path / "d")
