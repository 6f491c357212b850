"""The commands in CONTRIBUTING.md exist, and a release contains the files that it lists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


@pytest.mark.parametrize("document", TEXTS, ids=lambda path: path.name)
def test_every_make_command_is_a_target(document: Path) -> None:
    named = re.findall(r"(?:`|^)make ([a-z][a-z-]*)", document.read_text(), re.M)
    assert set(named) <= targets()


def test_every_path_that_a_contributor_is_sent_to_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = re.findall(r"`([\w.-]+(?:/[\w.-]+)+|\w+\.(?:md|toml))`", text) + re.findall(r"\]\(([\w./-]+)\)", text)
    assert [path for path in paths if not (ROOT / path).exists() and not path.startswith("tests/edge")] == []


@pytest.mark.parametrize("wrong", ["", "1.2", "v1.2.3", "9.9.9"])
def test_a_release_that_cannot_be_made_is_refused_and_changes_nothing(wrong: str, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    clone = tmp_path / "easel"
    shutil.copytree(ROOT / "bin", clone / "bin")
    shutil.copy(ROOT / "CHANGELOG.md", clone)
    environment = {**os.environ, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com"}
    environment |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com"}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"]):
        subprocess.run(["git", *command], cwd=clone, env=environment, check=True)
    done = subprocess.run([clone / "bin" / "release", wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("release: ")
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert changed.stdout == ""
