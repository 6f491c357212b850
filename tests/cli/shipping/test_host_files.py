"""Rules files next to the output of a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from easel.cli.project import Project
from easel.cli.shipping.host_files import WithHostFiles, with_host_files
from easel.cli.shipping.ignore import rules_for
from easel.cli.shipping.pack import select


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Returns a project with an output, and with rules files next to the output."""
    output = tmp_path / "dist"
    output.mkdir()
    (output / "index.html").write_text("home")
    for name in ("package.json", "vercel.json", "netlify.toml", "_headers", "wrangler.toml"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def found(root: Path, project: Project | None = None) -> WithHostFiles:
    """Returns the packed files: the files of the output, and the rules files next to the output."""
    folder = root / "dist"
    return with_host_files(select(folder, rules_for(folder, root=root)), folder, root, project or Project(root))


def names(beside: WithHostFiles) -> list[str]:
    return [file.path for file in beside.selection.files]


def test_rules_files_at_a_projects_root_are_sent_and_reported(root: Path) -> None:
    beside = found(root)
    assert names(beside) == ["index.html", "netlify.toml", "vercel.json", "wrangler.toml"]
    assert beside.notes[0].startswith(
        "`netlify.toml`, `vercel.json`, `wrangler.toml` next to the output folder is also sent"
    )


def test_rules_that_belong_in_the_build_output_are_named_and_not_sent(root: Path) -> None:
    assert any(note.startswith("`_headers` is not in the output folder but next to it") for note in found(root).notes)


def test_the_outputs_own_file_and_the_rules_of_easelignore_are_kept(root: Path) -> None:
    (root / "dist" / "vercel.json").write_text('{"cleanUrls": true}')
    (root / ".easelignore").write_text("netlify.toml\nwrangler.*\n")
    beside = found(root)
    assert names(beside) == ["index.html", "vercel.json"]
    assert beside.selection.files[1].source == root / "dist" / "vercel.json"


def test_a_version_without_rules_carries_no_rules(root: Path) -> None:
    assert names(found(root, Project(root, rules="off"))) == ["index.html"]


def test_a_link_is_not_followed_out_of_the_project(root: Path) -> None:
    (root / "vercel.json").unlink()
    (root / "vercel.json").symlink_to("/etc/hostname")
    assert names(found(root)) == ["index.html", "netlify.toml", "wrangler.toml"]


def test_a_folder_that_is_the_project_itself_is_sent_as_it_is(root: Path) -> None:
    (root / "index.html").write_text("home")
    selection = select(root, rules_for(root))
    assert with_host_files(selection, root, root, Project(root)).selection == selection
