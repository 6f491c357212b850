"""A zip assembled from members as they lie is read by every tool, by Easel as well, and is the same each time."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from easel.bundles.assemble import PIECE, zip_parts
from easel.bundles.inflate import DamagedDataError
from easel.bundles.models import Member
from tests.bundles.crafted import File, craft, deflate, inflating_to
from tests.bundles.looking import ZIPS, look, look_at


def assembled(files: dict[str, Member], bundle: bytes) -> bytes:
    view = memoryview(bundle)
    return b"".join(zip_parts(files, lambda member: view[member.offset : member.offset + member.length]))


@pytest.mark.parametrize("name", ["python", "infozip-stored", "bsdtar-zip64", "python-macos-top-folder", "jar"])
def test_what_is_assembled_from_a_tools_zip_holds_the_same_files(name: str) -> None:
    files = look_at(name).files
    again = assembled(files, (ZIPS / f"{name}.zip").read_bytes())
    with zipfile.ZipFile(io.BytesIO(again)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(files)
    seen = look(again).files
    assert {path: (member.hash, member.length, member.method) for path, member in seen.items()} == {
        path: (member.hash, member.length, member.method) for path, member in files.items()
    }


def test_the_same_files_give_the_same_bytes_in_whatever_order_they_are_named() -> None:
    bundle = craft(File(), File("\u00fc.js".encode(), b"1"), File(b"a/b.css", b"2", method=0))
    files = look(bundle).files
    backwards = dict(reversed(files.items()))
    assert assembled(files, bundle) == assembled(backwards, bundle)
    assert b"".join(zip_parts(files, lambda member: bundle[member.offset :][: member.length])) == assembled(
        files, bundle
    )


def test_members_of_several_bundles_come_together() -> None:
    old = craft(File(), File(b"a.js", b"old"))
    new = craft(File(b"index.html", b"new page"))
    fresh = look(new).files["index.html"]
    files = {
        "a.js": look(old).files["a.js"],
        "index.html": Member(
            fresh.hash, fresh.size, fresh.type, 1, fresh.offset, fresh.length, fresh.method, fresh.crc
        ),
    }
    bundles = [old, new]
    data = b"".join(zip_parts(files, lambda m: bundles[m.bundle][m.offset : m.offset + m.length]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a.js": b"old", "index.html": b"new page"}


def test_large_members_are_given_in_pieces() -> None:
    bundle = craft(File(), File(b"big.bin", bytes(3 * PIECE + 5), method=0))
    files = look(bundle).files
    parts = list(zip_parts(files, lambda member: memoryview(bundle)[member.offset : member.offset + member.length]))
    assert max(map(len, parts)) == PIECE
    assert look(b"".join(parts)).files["big.bin"].hash == files["big.bin"].hash


def test_no_files_give_an_empty_zip() -> None:
    assert zipfile.ZipFile(io.BytesIO(assembled({}, b""))).namelist() == []


def test_more_than_65534_files_need_zip64() -> None:
    raw = deflate(b"")
    member = Member("", 0, "", 0, 0, len(raw), 8, 0)
    files = {f"f{number:05}": member for number in range(65_535)}
    data = assembled(files, raw)
    assert b"PK\6\6" in data[-200:]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 65_535
    files.popitem()
    assert b"PK\6\6" not in assembled(files, raw)[-200:]


def test_offsets_past_4_gib_need_zip64(tmp_path: Path) -> None:
    """Written as a sparse file: the large members are all zeros, stored, and left out of the writing."""
    size = 1 << 30
    large = Member("", size, "", 0, 0, size, 0, 0)
    bundle = craft(File(b"z.html", b"the last one"))
    files = {f"{number}.bin": large for number in range(5)} | look_last(bundle)
    zeros = memoryview(bytes(PIECE))

    class Zeros:
        def __len__(self) -> int:
            return size

        def __getitem__(self, _: slice) -> memoryview:
            return zeros

    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        for part in zip_parts(files, lambda m: Zeros() if m is large else bundle[m.offset : m.offset + m.length]):  # type: ignore[arg-type,return-value]
            if len(part) == PIECE:
                file.seek(PIECE, io.SEEK_CUR)
            else:
                file.write(part)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("z.html").header_offset > 5 * size
        assert archive.read("z.html") == b"the last one"
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tqq", path, "z.html"], check=True)


def look_last(bundle: bytes) -> dict[str, Member]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        info = archive.getinfo("z.html")
    offset = 30 + len("z.html")
    return {"z.html": Member("", info.file_size, "", 0, offset, info.compress_size, 8, info.CRC)}


def test_members_of_4_gib_and_more_need_zip64(tmp_path: Path) -> None:
    size = 5 << 30
    raw = inflating_to(size)
    path = tmp_path / "large.zip"
    path.write_bytes(assembled({"a.bin": Member("", size, "", 0, 0, len(raw), 8, 0xDEADBEEF)}, raw))
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("a.bin")
        assert (info.file_size, info.compress_size, info.header_offset) == (size, len(raw), 0)
        with archive.open("a.bin") as member:
            assert member.read(100) == bytes(100)


def test_a_bundle_that_gives_too_few_bytes_is_noticed() -> None:
    bundle = craft(File())
    with pytest.raises(DamagedDataError):
        list(zip_parts(look(bundle).files, lambda member: bundle[member.offset :][: member.length - 1]))
