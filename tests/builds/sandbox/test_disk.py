"""The disk space of a build is counted in one pass over its files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from easel.builds.sandbox.disk import DiskUse, Use
from easel.storage.disk_reserve import DiskReserve


async def test_each_file_and_folder_counts_once_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "sub" / "x: Permission denied").mkdir(parents=True)
    for name in ("plain", "9\t9\n9", "denied", "n" * 255):
        (tmp_path / "sub" / name).write_bytes(b"x" * 5000)
    os.link(tmp_path / "sub" / "plain", tmp_path / "second name")
    (tmp_path / "link").symlink_to("sub")
    disk = DiskUse(tmp_path, (), Use(1, 1), DiskReserve(tmp_path, None), lambda device: 0)
    found, is_shut = await disk._du(tmp_path)
    both = (subprocess.run(["du", "-sx", of, tmp_path], capture_output=True) for of in ("--block-size=1", "--inodes"))
    assert [found.bytes, found.files] == [int(done.stdout.split()[0]) for done in both]
    # The files are the folder, two subfolders, four files and a link. The second hard link of a file does not count.
    assert found.files == 8
    assert not is_shut
