"""Which folder is deployed, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from easel.cli.project import Project
from easel.cli.shipping.errors import EntryPointMissingError, FolderMissingError, NothingToDeployError
from easel.cli.shipping.target import choose_target, project_root


def page(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("<p>")
    return folder


def test_the_folder_given_wins_over_the_one_in_easel_toml(tmp_path: Path) -> None:
    page(tmp_path / "dist")
    page(tmp_path / "other")
    project = Project(root=tmp_path, folder="dist")
    assert choose_target(None, project, tmp_path).path == tmp_path / "dist"
    assert choose_target(Path("other"), project, tmp_path).path == tmp_path / "other"


@pytest.mark.parametrize("name", ["dist", "build", "out", "public"])
def test_a_build_folder_is_found_and_named(tmp_path: Path, name: str) -> None:
    page(tmp_path)  # such as a Vite project's source page
    page(tmp_path / name)
    target = choose_target(None, Project(root=tmp_path), tmp_path)
    assert target.path == tmp_path / name
    assert target.found


def test_a_plain_page_is_deployed_from_where_it_lies(tmp_path: Path) -> None:
    assert choose_target(None, Project(root=tmp_path), page(tmp_path)).path == tmp_path


def test_an_unbuilt_project_is_told_to_build(tmp_path: Path) -> None:
    page(tmp_path)
    (tmp_path / "package.json").write_text("{}")
    with pytest.raises(NothingToDeployError, match="npm run build"):
        choose_target(None, Project(root=tmp_path), tmp_path)


def test_a_folder_without_a_page_names_the_one_that_has_it(tmp_path: Path) -> None:
    page(tmp_path / "app" / "dist")
    (tmp_path / "app" / "src").mkdir()
    with pytest.raises(EntryPointMissingError, match=r"easel deploy app/dist"):
        choose_target(Path("app"), Project(root=tmp_path), tmp_path)
    with pytest.raises(EntryPointMissingError, match=r"easel deploy app/src/\.\./dist"):
        choose_target(Path("app/src"), Project(root=tmp_path), tmp_path)
    with pytest.raises(FolderMissingError, match="nowhere"):
        choose_target(Path("nowhere"), Project(root=tmp_path), tmp_path)


def test_the_project_is_around_its_build_folder(tmp_path: Path) -> None:
    site = page(tmp_path / "shop" / "dist")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = choose_target(site, Project(root=elsewhere), elsewhere)
    assert project_root(Project(root=elsewhere), target, elsewhere) == tmp_path / "shop"
    inside = choose_target(None, Project(root=tmp_path / "shop"), tmp_path / "shop")
    assert project_root(Project(root=tmp_path / "shop"), inside, tmp_path / "shop") == tmp_path / "shop"
