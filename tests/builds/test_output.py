"""An output that cannot be deployed is reported with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from easel.builds.detect.errors import BuildPlanError, OutputMissingError, OutputUnusableError
from easel.builds.detect.models import BuildOptions, Plan
from easel.builds.detect.plan import plan
from easel.builds.output import judge
from tests.builds.detect.skeletons import package, write


def planned(folder: Path) -> Plan:
    return plan(write(folder, {"package.json": package("node make.js")}), BuildOptions())


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/tmp/elsewhere", "leads out of the folder"),
        ("../../..", "leads out of the folder"),
        ("dist", "leads in a circle"),
        ("nothing", "leads to a file that does not exist"),
    ],
)
def test_the_error_for_an_output_that_is_a_bad_link_does_not_say_missing(
    target: str, reason: str, tmp_path: Path
) -> None:
    made = planned(tmp_path)
    os.symlink(target, tmp_path / "dist")
    with pytest.raises(OutputUnusableError, match=f"`dist` is a link that {reason}"):
        judge(tmp_path, made)


def test_the_error_for_an_output_that_is_no_folder_does_not_say_missing(tmp_path: Path) -> None:
    made = planned(tmp_path)
    (tmp_path / "dist").write_text("x")
    with pytest.raises(OutputUnusableError, match="`dist` is a file, not a folder"):
        judge(tmp_path, made)
    (tmp_path / "dist").unlink()
    os.mkfifo(tmp_path / "dist")
    with pytest.raises(OutputUnusableError, match="`dist` is a named pipe"):
        judge(tmp_path, made)


def test_a_page_that_is_no_file_is_not_reported_as_missing(tmp_path: Path) -> None:
    made = planned(tmp_path)
    (tmp_path / "dist").mkdir()
    os.symlink("/etc/passwd", tmp_path / "dist/index.html")
    with pytest.raises(OutputUnusableError, match=r"`dist/index\.html` is a link that leads out of the folder"):
        judge(tmp_path, made)
    (tmp_path / "dist/index.html").unlink()
    (tmp_path / "dist/index.html").mkdir()
    with pytest.raises(OutputUnusableError, match=r"`dist/index\.html` is a folder, not a page"):
        judge(tmp_path, made)


def test_a_name_with_pattern_characters_or_of_any_length_works(tmp_path: Path) -> None:
    for output in ("*/x", "d" * 300, "a/" * 300):
        with pytest.raises(BuildPlanError):
            judge(tmp_path, plan(write(tmp_path, {"package.json": package("x")}), BuildOptions(output=output)))


def test_the_error_for_a_wrong_output_names_the_folders_that_have_a_page(tmp_path: Path) -> None:
    made = plan(write(tmp_path, {"package.json": package("node make.js")}), BuildOptions(output="nope"))
    with pytest.raises(OutputMissingError, match=r"output folder `nope`. Set the folder"):
        judge(tmp_path, made)
    write(tmp_path, {"dist/index.html": "<h1>built</h1>", "_site/index.html": "<h1>too</h1>", "build/a.txt": ""})
    with pytest.raises(OutputMissingError, match=r"`nope`. There is a page in `dist` and in `_site`. Set the folder"):
        judge(tmp_path, made)


def test_the_log_gives_the_reason_for_the_output(tmp_path: Path) -> None:
    made, said = planned(tmp_path), list[str]()
    write(tmp_path, {"dist/index.html": "<h1>built</h1>"})
    judge(tmp_path, made, said.append)
    assert said == ["Output: `dist`, because it is the first usual output folder that has a page."]
