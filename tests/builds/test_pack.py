"""A build's output becomes a zip that is always the same, and contains nothing from outside."""

from __future__ import annotations

import os
import socket
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from easel.builds.detect.errors import (
    BuildPlanError,
    BuiltDeepError,
    BuiltLinkError,
    BuiltNameError,
    BuiltSpecialFileError,
    BuiltTwiceError,
)
from easel.builds.detect.models import Plan
from easel.builds.output import judge
from easel.builds.pack import PackedOutput, pack
from easel.bundles.errors import (
    FileTooLargeError,
    InflatesTooLargeError,
    NamesTooLongError,
    PathTooLongError,
    TooManyFilesError,
)
from easel.bundles.models import Limits
from easel.errors import EaselError
from tests.builds.detect.skeletons import write


def packed(folder: Path, limits: Limits | None = None) -> tuple[PackedOutput, list[str]]:
    """Returns the result of packing `dist`, and the names in the zip."""
    target = folder / "bundle.zip"
    result = pack(folder, folder / "dist", target, limits)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        return result, archive.namelist()


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    files = {"index.html": "home" * 1000, "a/b.js": "1", "B.txt": "", "a-b.png": "x"}
    hashes = set()
    for number, names in enumerate((files, dict(reversed(files.items())))):
        source = tmp_path / str(number)
        write(source / "dist", names)
        os.utime(source / "dist/index.html", (number, number))
        os.chmod(source / "dist/a/b.js", 0o600 + number)
        result, found = packed(source)
        hashes.add(result.hash)
        assert found == ["B.txt", "a-b.png", "a/b.js", "index.html"]
    assert len(hashes) == 1
    assert (result.files, result.bytes) == (4, 4002)
    assert result.size == (tmp_path / "1/bundle.zip").stat().st_size


@contextmanager
def folder_of_a_system_user() -> Iterator[Path]:
    """Yields a folder, as if a system user ran Easel: the rights to files bind such a user, but not root."""
    user = os.geteuid() or 65_534
    with tempfile.TemporaryDirectory() as own:
        os.chown(own, user, -1)
        before = os.geteuid()
        os.seteuid(user)
        try:
            yield Path(own)
        finally:
            os.seteuid(before)


@pytest.mark.parametrize("closed", ["dist", "dist/a", "dist/index.html", "dist/a/b.js", "."])
@pytest.mark.parametrize("mode", [0o000, 0o100, 0o400])
def test_an_output_that_a_build_has_closed_to_its_own_user_is_packed(closed: str, mode: int) -> None:
    plan = Plan("", None, "none", None, None, None, "true", ("dist",))
    with folder_of_a_system_user() as own:
        source = write(own / "source", {"dist/index.html": "home", "dist/a/b.js": "1"})
        (source / closed).chmod(mode)
        pack(source, judge(source, plan), own / "bundle.zip")
        assert zipfile.ZipFile(own / "bundle.zip").namelist() == ["a/b.js", "index.html"]


def test_an_output_in_a_hidden_folder_is_packed(tmp_path: Path) -> None:
    write(tmp_path, {".output/public/index.html": "x", ".output/public/_nuxt/a.js": "1", ".output/server/x": ""})
    assert pack(tmp_path, tmp_path / ".output/public", tmp_path / "bundle.zip").files == 2


def test_sources_that_are_served_as_they_are_are_packed_from_their_top(tmp_path: Path) -> None:
    write(tmp_path / "site", {"index.html": "x", "a/b.js": "1", ".git/HEAD": "x"})
    os.symlink("a", tmp_path / "site/link")
    assert pack(tmp_path / "site", tmp_path / "site", tmp_path / "bundle.zip").files == 3


def test_files_that_no_app_needs_are_left_out_and_secrets_are_not(tmp_path: Path) -> None:
    files = dict.fromkeys(
        ("index.html", ".DS_Store", "a/Thumbs.db", ".git/config", "sub/.git", "easel.toml", "a/easel.toml", ".env"), ""
    )
    write(tmp_path / "dist", files)
    assert packed(tmp_path)[1] == [".env", "a/easel.toml", "index.html"]


def test_links_inside_the_output_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x", "real/a.js": "1"})
    os.symlink("real", tmp_path / "dist/link")
    os.symlink("/build/dist/real/a.js", tmp_path / "dist/b.js")
    assert packed(tmp_path)[1] == ["b.js", "index.html", "link/a.js", "real/a.js"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/etc/passwd", "leads out of the folder"),
        ("../secret", "leads out of the folder"),
        ("/build/secret", "leads out of the folder"),
        ("../../../../../../../../etc/passwd", "leads out of the folder"),
        ("/build/../etc/passwd", "leads out of the folder"),
        ("/buildx/secret", "leads out of the folder"),
        ("../dist", "leads to a folder that contains the link itself"),
        (".", "leads to a folder that contains the link itself"),
        ("/build/dist", "leads to a folder that contains the link itself"),
        ("nothing", "leads to a file that does not exist"),
        ("link", "leads in a circle"),
    ],
)
def test_a_link_out_of_the_output_is_refused(target: str, reason: str, tmp_path: Path) -> None:
    write(tmp_path, {"secret": "x", "dist/index.html": "x"})
    os.symlink(target, tmp_path / "dist/link")
    with pytest.raises(BuiltLinkError, match=f"`link`, which {reason}"):
        packed(tmp_path)


def test_links_to_each_other_do_not_multiply(tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x"})
    for number in range(30):
        folder = tmp_path / f"dist/d{number}"
        folder.mkdir()
        for name in "ab":
            os.symlink(f"../d{number + 1}", folder / name)
    (tmp_path / "dist/d30").mkdir()
    with pytest.raises(TooManyFilesError):
        packed(tmp_path, Limits(max_files=500))


def test_an_output_entry_that_is_no_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x"})
    os.mkfifo(tmp_path / "dist/pipe")
    with pytest.raises(BuiltSpecialFileError, match="`pipe`, which is a named pipe"):
        packed(tmp_path)
    os.unlink(tmp_path / "dist/pipe")
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(os.path.relpath(tmp_path / "dist/s"))
        with pytest.raises(BuiltSpecialFileError, match="`s`, which is a socket"):
            packed(tmp_path)


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x"})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/dist/\xff.js")).touch()
    with pytest.raises(BuiltNameError, match=r"\\xff\.js"):
        packed(tmp_path)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(max_files=2), TooManyFilesError),
        (Limits(max_file_size=1_000), FileTooLargeError),
        (Limits(max_total_size=1_500), InflatesTooLargeError),
        (Limits(max_names_bytes=8), NamesTooLongError),
    ],
)
def test_limits_hold_before_anything_is_written(limits: Limits, error: type[EaselError], tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x" * 900, "a.js": "x", "b.js": "x" * 800, "large": "x" * 1_001})
    if limits.max_file_size > 1_001:
        (tmp_path / "dist/large").unlink()
    with pytest.raises(error):
        packed(tmp_path, limits)
    assert not (tmp_path / "bundle.zip").exists()


def test_a_sparse_file_of_a_terabyte_takes_no_time(tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x"})
    with (tmp_path / "dist/huge").open("wb") as file:
        os.truncate(file.fileno(), 1 << 40)
    began = time.process_time()
    with pytest.raises(FileTooLargeError):
        packed(tmp_path)
    assert time.process_time() - began < 5


def test_an_output_outside_of_the_sources_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"sources/a": "", "dist/index.html": "x"})
    with pytest.raises(BuildPlanError):
        pack(tmp_path / "sources", tmp_path / "dist", tmp_path / "bundle.zip")


def test_a_path_that_is_too_long_for_a_bundle_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x", "d" * 200 + "/x.js": "x"})
    with pytest.raises(PathTooLongError, match=r"205 bytes long; the limit is 204\."):
        packed(tmp_path, Limits(max_name_bytes=204))
    assert packed(tmp_path, Limits(max_name_bytes=205))[0].files == 2


def test_a_file_in_very_many_folders_is_not_reported_as_a_link(tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x", "d/" * 300 + "x.js": "x"})
    with pytest.raises(BuiltDeepError, match=r"`d/d/.*, which is nested in too many folders"):
        packed(tmp_path)


def test_two_names_that_only_their_encoding_tells_apart_are_named(tmp_path: Path) -> None:
    write(tmp_path / "dist", {"index.html": "x", "e\u0301.js": "x", "\u00e9.js": "y"})
    with pytest.raises(BuiltTwiceError, match=r"`\u00e9\.js` twice"):
        packed(tmp_path)
