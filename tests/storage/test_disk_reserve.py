"""The reserve of a disk stays free, whichever process writes there."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from obstore.store import LocalStore

from easel.envelope import envelope
from easel.settings import Settings
from easel.storage.ballast import LOW, PIECE, Ballast, size_on
from easel.storage.disk_reserve import DiskReserve, reserve_on
from easel.storage.errors import FilesReserveReachedError, ReserveReachedError, StorageFullError
from easel.storage.folder import FolderObjects
from easel.storage.objects import ObjectStore
from tests.system.chaos.small_disk import small_disk as mounted_disk

MIB = 1024 * 1024
GIB = 1024 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yields a disk of 64 MiB."""
    with mounted_disk(tmp_path / "disk", 64 * MIB) as made:
        if made is None:
            pytest.skip("a small disk cannot be mounted here (it takes root)")
        yield made.folder


def folder_on(disk: Path, setting: str) -> FolderObjects:
    return FolderObjects(disk / "objects", disk / "scratch", reserve=DiskReserve(disk, setting))


async def pieces(count: int, size: int = MIB) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(size)


def test_the_reserve_is_a_gibibyte_or_a_twentieth_of_a_smaller_disk_or_as_it_is_set() -> None:
    assert reserve_on(None, 100 * GIB) == GIB
    assert reserve_on(None, 10 * GIB) == GIB // 2
    assert reserve_on("2.5%", 100 * GIB) == 100 * GIB // 40
    assert reserve_on("1048576", 100 * GIB) == MIB
    assert reserve_on("0", 100 * GIB) == 0


@pytest.mark.parametrize("wrong", ["5 GiB", "100%", "-1", "", "5 %", "1e9", "٣"])
def test_a_reserve_that_is_neither_bytes_nor_percent_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="write a number of bytes, or a percentage below 100"):
        Settings(disk_reserve=wrong)


async def test_an_upload_that_would_use_the_reserve_is_refused_before_its_first_byte(disk: Path) -> None:
    objects = folder_on(disk, "50%")
    await objects.put_stream("a/fits", pieces(20), length=20 * MIB)
    taken = []

    async def told() -> AsyncIterator[bytes]:
        taken.append(True)
        yield b""

    with pytest.raises(ReserveReachedError) as refused:
        await objects.put_stream("a/large", told(), length=20 * MIB)
    with pytest.raises(ReserveReachedError):
        await objects.put("a/whole", bytes(20 * MIB))
    (disk / "file").write_bytes(bytes(MIB))
    with pytest.raises(ReserveReachedError):
        objects.reserve.require(12 * MIB)
    with pytest.raises(StorageFullError):
        await folder_on(disk, "43%").put_file("a/large", disk / "objects" / "a" / "fits")
    assert not taken
    # The error is passed on as from another process.
    answer = envelope(pickle.loads(pickle.dumps(refused.value)))["error"]
    assert (answer["code"], answer["details"]["reserve"]) == ("storage_full", 32 * MIB)
    assert answer["details"]["free"] == objects.reserve.room().free + MIB
    assert [info.key async for info in objects.keys("a")] == ["a/fits"]
    assert not list((disk / "scratch").iterdir())


async def test_an_upload_that_announces_much_and_sends_little_blocks_no_other_upload(disk: Path) -> None:
    objects = folder_on(disk, "8%")
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield bytes(MIB)
        await go_on.wait()
        async for piece in pieces(29):
            yield piece

    first = asyncio.create_task(objects.put_stream("a/first", slowly(), length=30 * MIB))
    while (disk / "scratch").exists() is False or not any(file.stat().st_size for file in (disk / "scratch").iterdir()):
        await asyncio.sleep(0)
    assert objects.reserve.room().promised == MIB
    await objects.put_stream("a/second", pieces(30), length=30 * MIB)
    go_on.set()
    # Later writers are refused, and the reserve stays.
    with pytest.raises(ReserveReachedError):
        await first
    room = objects.reserve.room()
    assert room.free >= room.kept
    assert not list((disk / "scratch").iterdir())
    # The bytes of an interrupted upload are no longer promised.
    with pytest.raises(ZeroDivisionError):
        await objects.put_stream("a/broken", _broken(), length=5 * MIB)
    assert objects.reserve.room().promised == 0


async def _broken() -> AsyncIterator[bytes]:
    yield bytes(MIB)
    raise ZeroDivisionError


async def test_an_upload_ends_when_other_processes_take_the_room_it_was_promised(disk: Path) -> None:
    objects, other = folder_on(disk, "25%"), folder_on(disk, "25%")
    results = await asyncio.gather(
        objects.put_stream("a/one", pieces(40), length=40 * MIB),
        other.put_stream("a/other", pieces(40), length=40 * MIB),
        return_exceptions=True,
    )
    assert any(isinstance(result, ReserveReachedError) for result in results)
    # Each writer has written at most the bytes between two checks.
    assert objects.reserve.room().free >= 16 * MIB - 2 * 4 * MIB
    assert not list((disk / "scratch").iterdir())


def test_the_reserve_also_covers_inodes(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs(disk)
    few = os.statvfs_result((*found[:5], 1000, 15, 15, *found[8:10]))
    monkeypatch.setattr(os, "statvfs", lambda folder: few)
    reserve = DiskReserve(disk, "1")
    assert reserve.is_reached
    with pytest.raises(FilesReserveReachedError, match="only 15 more files, but room for 20 files"):
        reserve.require()
    # A file system that creates inodes on demand reports no number of them.
    few = os.statvfs_result((*found[:5], 0, 0, 0, *found[8:10]))
    assert not reserve.is_reached
    assert not DiskReserve(disk, "0").is_reached


async def test_pinned_copies_from_another_store_leave_the_reserve_free(disk: Path, tmp_path: Path) -> None:
    objects = ObjectStore(LocalStore(tmp_path / "far", mkdir=True), disk, reserve=DiskReserve(disk, "90%"))
    await objects.put("a/large", os.urandom(12 * MIB))
    with pytest.raises(ReserveReachedError):
        async with objects.pin("a/large"):
            pass
    assert not list(disk.iterdir())


def test_the_reserve_file_is_allocated_and_its_freed_part_stays_reserved(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk", 512 * MIB) as made:
        if made is None:
            pytest.skip("a small disk cannot be mounted here (it takes root)")
        path = made.folder / "ballast"
        ballast, reserve = Ballast(path), DiskReserve(made.folder, "0", path)
        assert (reserve.holds_database, reserve.room().kept) == (False, 0)
        ballast.make()
        before = reserve.room()
        assert (reserve.holds_database, before.kept, before.kept % PIECE) == (True, size_on(512 * MIB), 0)
        while ballast.missing(before.total):
            ballast.grow()
        whole = reserve.room()
        assert (whole.kept, before.free - whole.free, whole.spare) == (0, before.kept, before.spare)
        made.fill()
        assert reserve.room().free == 0
        assert (ballast.give_up(), ballast.give_up()) == (PIECE, PIECE)
        now = reserve.room()
        assert (now.free, now.kept, now.spare) == (LOW, LOW, 0)
        while ballast.give_up():
            pass
        assert (path.stat().st_size, reserve.room().free) == (0, before.kept)
        made.fill()
        with pytest.raises(OSError, match="No space left"):
            ballast.grow()
        assert path.stat().st_size == 0
