"""A zip of sources is unpacked into its folder, and nowhere else."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from easel.bundles import errors
from easel.bundles.models import Limits
from easel.bundles.unpack import unpack
from easel.cli.shipping.pack import write_zip
from easel.cli.shipping.source_zip import select_sources
from easel.errors import EaselError
from testbed.running import zip_of

LIMITS = Limits(max_files=50, max_file_size=10_000, max_total_size=20_000)


def unpacked(tmp_path: Path, data: bytes) -> dict[str, str]:
    bundle, into = tmp_path / "x.zip", tmp_path / "into"
    bundle.write_bytes(data)
    into.mkdir()
    count = unpack(bundle, into, limits=LIMITS)
    found = {path.relative_to(into).as_posix(): path.read_text() for path in into.rglob("*") if path.is_file()}
    assert count == len(found)
    return found


@pytest.mark.parametrize("folder", ["", "shop/"])
def test_the_files_are_there_without_dependencies_repositories_and_junk(tmp_path: Path, folder: str) -> None:
    kept = {"package.json": "{}", "src/a b/ü.js": "x", ".env.production": "A=1", "packages/a/node_modules/x": "y"}
    left_out = {"node_modules/x/index.js": "", ".git/config": "", ".DS_Store": "", "__MACOSX/a": ""}
    files = {f"{folder}{name}": text for name, text in {**kept, **left_out}.items()}
    assert unpacked(tmp_path, zip_of(files)) == kept


def test_programs_of_a_project_stay_executable_and_no_other_mode_bit_is_kept(tmp_path: Path) -> None:
    packed = io.BytesIO()
    for name, mode in (("gradlew", 0o755), ("plain.sh", 0o644)):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(mode)
    write_zip(select_sources(tmp_path), packed, lambda count: None)
    with zipfile.ZipFile(packed, "a") as archive:
        info = zipfile.ZipInfo("bin/build")
        info.create_system, info.external_attr = 3, 0o106777 << 16
        archive.writestr(info, "x")
    unpacked(tmp_path, packed.getvalue())
    modes = {name: (tmp_path / "into" / name).stat().st_mode & 0o7777 for name in ("gradlew", "plain.sh", "bin/build")}
    assert modes == {"gradlew": 0o755, "plain.sh": 0o644, "bin/build": 0o755}


def link_to(target: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, target)
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (zip_of({"../x": "y"}), errors.PathTraversalError),
        (zip_of({"/etc/x": "y"}), errors.PathAbsoluteError),
        (zip_of({"a/b": "y", "a": "z"}), errors.PathConflictError),
        (link_to("/etc/passwd"), errors.SymlinkError),
        (zip_of({"a" * 300: "y"}), errors.PathTooLongError),
        (zip_of({"a": "y" * 10_001}), errors.FileTooLargeError),
        (zip_of(dict.fromkeys("abc", "y" * 9000)), errors.InflatesTooLargeError),
        (zip_of({str(number): "" for number in range(51)}), errors.TooManyFilesError),
        (b"", errors.NotAZipError),
    ],
)
def test_sources_have_the_same_restrictions_as_bundles(tmp_path: Path, data: bytes, error: type[EaselError]) -> None:
    with pytest.raises(error):
        unpacked(tmp_path, data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["into", "x.zip"]


@pytest.mark.parametrize("wrong", ["size", "crc"])
def test_a_member_that_contradicts_its_header_is_refused(tmp_path: Path, wrong: str) -> None:
    data = bytearray(zip_of({"a.txt": "hello hello hello"}))
    central = data.rindex(b"PK\1\2")
    local = data.index(b"PK\3\4")
    if wrong == "size":
        for at in (central + 24, local + 22):
            data[at : at + 4] = struct.pack("<L", 5)
    else:
        for at in (central + 16, local + 14):
            data[at : at + 4] = b"\0\0\0\0"
    with pytest.raises(errors.SizeMismatchError if wrong == "size" else errors.CrcMismatchError):
        unpacked(tmp_path, bytes(data))
