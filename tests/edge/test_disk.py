"""The edge's disk cache over a real bucket: each byte is fetched once, and the disk use has a limit."""

from __future__ import annotations

import asyncio
import base64
import errno
import fcntl
import os
import resource
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from easel.bundles.models import DEFLATED, BundleRef, Manifest, Member
from easel.edge.cache.content import Content
from easel.edge.cache.disk import BLOCK, SMALL, DiskCache
from easel.edge.cache.manifests import ManifestCache
from easel.edge.cache.watched_store import EdgeStore
from easel.serving.compressing import build_variants
from easel.serving.models import BundleSlice, File, Request
from easel.serving.respond import answer_file, representations
from easel.storage.disk_reserve import DiskReserve
from easel.storage.errors import ObjectMissingError, StoreUnavailableError
from easel.storage.objects import ObjectStore
from easel.storage.stores import open_objects
from testbed.stores import Bucket, moto
from tests.bundles.crafted import deflate
from tests.serving.building import Place
from tests.system.chaos.small_disk import SmallDisk
from tests.system.chaos.small_disk import small_disk as mounted_disk

LARGE = os.urandom(SMALL + 3 * BLOCK + 17)
SMALL_ONE = os.urandom(3 * BLOCK)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with moto() as bucket:
        yield bucket


@pytest.fixture
def objects(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name, value in bucket.environment(tmp_path.name).items():
        monkeypatch.setenv(name, value)
    return open_objects(f"s3://easel/{tmp_path.name}", tmp_path, tmp_path)


@pytest.fixture
def cache(objects: ObjectStore, tmp_path: Path) -> DiskCache:
    return DiskCache(EdgeStore(objects), tmp_path / "edge", budget=100 * BLOCK)


async def whole(cache: DiskCache, key: str) -> memoryview:
    """Returns all bytes of an object."""
    size = await cache.size(key)
    return await cache.view(key, size, 0, size)


def files(folder: Path) -> list[Path]:
    """Returns the files of objects in a folder of caches."""
    return [file for file in folder.glob("*/*") if file.name != "lock"]


async def test_many_waiting_requests_share_one_fetch(objects: ObjectStore, cache: DiskCache) -> None:
    await objects.put("small", SMALL_ONE)
    views = await asyncio.gather(*(cache.view("small", len(SMALL_ONE), n, n + 10) for n in range(50)))
    assert all(bytes(view) == SMALL_ONE for view in views)
    assert (cache.fetches, cache.fetched) == (1, len(SMALL_ONE))


async def test_only_the_requested_blocks_of_a_large_object_are_fetched(objects: ObjectStore, cache: DiskCache) -> None:
    await objects.put("large", LARGE)
    for start, stop in ((BLOCK - 5, BLOCK + 5), (0, 2 * BLOCK), (len(LARGE) - 3, len(LARGE))):
        view = await cache.view("large", len(LARGE), start, stop)
        assert bytes(view[start:stop]) == LARGE[start:stop]
    assert (cache.fetches, cache.fetched) == (2, 2 * BLOCK + 17)
    assert bytes(await whole(cache, "large")) == LARGE
    assert (cache.fetches, cache.fetched) == (3, len(LARGE))


async def test_the_disk_stays_bounded_and_what_is_being_read_stays_readable(
    objects: ObjectStore, tmp_path: Path
) -> None:
    cache = DiskCache(EdgeStore(objects), tmp_path / "edge", budget=7 * BLOCK)
    contents = {f"object-{n}": os.urandom(2 * BLOCK + n) for n in range(6)}
    views = {}
    for key, content in contents.items():
        await objects.put(key, content)
        views[key] = await cache.view(key, len(content), 0, 1)
        assert cache.weight <= 7 * BLOCK
    assert len(files(tmp_path / "edge")) < 4
    assert all(bytes(views[key]) == content for key, content in contents.items())
    again = await cache.view("object-0", len(contents["object-0"]), 0, 1)
    assert bytes(again) == contents["object-0"]


async def test_the_number_of_cached_objects_is_limited(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.edge.cache.disk.MOST_HELD", 4)
    cache = DiskCache(EdgeStore(objects), tmp_path / "edge", budget=100 * BLOCK)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(12):
        await objects.put(f"small-{number}", b"%d" % number)
        view = await cache.view(f"small-{number}", len(b"%d" % number), 0, 1)
        assert bytes(view) == b"%d" % number
    # Each object has its file and the mapping of the file.
    assert len(files(tmp_path / "edge")) == 4
    assert len(os.listdir("/proc/self/fd")) - before <= 2 * 4 + 4


async def test_a_missing_or_truncated_object_is_reported_and_can_be_retried(
    objects: ObjectStore, cache: DiskCache
) -> None:
    with pytest.raises(ObjectMissingError):
        await whole(cache, "nothing")
    with pytest.raises(ObjectMissingError):
        await cache.view("later", 100, 0, 100)
    await objects.put("later", b"x" * 60)
    with pytest.raises(StoreUnavailableError):
        await cache.view("later", 100, 0, 100)
    await objects.put("later", b"y" * 100)
    assert bytes(await cache.view("later", 100, 0, 100)) == b"y" * 100


async def test_cached_blocks_are_served_while_the_store_is_unreachable(cache: DiskCache, objects: ObjectStore) -> None:
    await objects.put("small", SMALL_ONE)
    await whole(cache, "small")
    obstore.delete(objects._store, "small")
    assert bytes(await cache.view("small", len(SMALL_ONE), 0, 9)) == SMALL_ONE


async def test_a_visitor_who_leaves_does_not_stop_what_others_wait_for(objects: ObjectStore, cache: DiskCache) -> None:
    await objects.put("small", SMALL_ONE)
    first = asyncio.create_task(cache.view("small", len(SMALL_ONE), 0, 1))
    second = asyncio.create_task(cache.view("small", len(SMALL_ONE), 0, 1))
    await asyncio.sleep(0)
    first.cancel()
    assert bytes(await second) == SMALL_ONE
    assert cache.fetches == 1


def ended(cache: DiskCache, *, boot: str | None = None) -> None:
    """Makes the cache belong to an ended process, which ran since this boot or an earlier boot."""
    assert cache._folder is not None
    assert cache._lives is not None
    cache._lives.close()
    if boot is not None:
        cache._folder.rename(cache._folder.with_name(f"{boot}-{cache._folder.name.split('-')[1]}"))


async def test_complete_files_outlive_the_process_and_the_store(objects: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "edge"
    before = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
    for key, content in (("small", SMALL_ONE), ("large", LARGE), ("part", LARGE), ("other", SMALL_ONE[1:])):
        await objects.put(key, content)
    for key in ("small", "large", "other"):
        await whole(before, key)
    await before.view("part", len(LARGE), 0, 9)
    ended(before)
    after = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
    after.take_over()
    for key in ("small", "large", "part"):
        obstore.delete(objects._store, key)
    assert bytes(await whole(after, "small")) == SMALL_ONE
    view = await after.view("large", len(LARGE), BLOCK, 2 * BLOCK)
    assert bytes(view) == LARGE
    with pytest.raises(ObjectMissingError):
        await after.view("part", len(LARGE), 0, 9)
    assert after.weight == 2 * len(SMALL_ONE) - 1 + len(LARGE)
    assert after.fetched == 0
    # A damaged object is read again, whichever process fetched it.
    after.forget("other")
    assert bytes(await whole(after, "other")) == SMALL_ONE[1:]
    after.forget("other")
    await objects.put("other", SMALL_ONE[2:])
    assert bytes(await whole(after, "other")) == SMALL_ONE[2:]
    # A third process takes over the files of the second process, which had taken over the files of the first.
    ended(after)
    third = DiskCache(EdgeStore(objects), folder, budget=len(LARGE) + BLOCK)
    third.take_over()
    assert third.weight <= len(LARGE) + BLOCK
    assert len(list(folder.iterdir())) == 1


async def test_files_from_before_a_crash_of_the_machine_are_not_trusted(objects: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "edge"
    await objects.put("small", SMALL_ONE)
    before = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
    await whole(before, "small")
    ended(before, boot="01234567")
    after = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
    after.take_over()
    assert (after.weight, len(files(folder)), len(list(folder.iterdir()))) == (0, 0, 1)
    assert bytes(await whole(after, "small")) == SMALL_ONE
    assert after.fetches == 1


async def test_files_of_a_running_process_are_not_taken_over(objects: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "edge"
    await objects.put("small", SMALL_ONE)
    # The living cache has this process's id. Processes in two containers may have the same id.
    living = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
    await whole(living, "small")
    (folder / "manifests").mkdir()
    (folder / str(os.getppid())).mkdir()
    after = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
    after.take_over()
    assert after.weight == 0
    assert (len(files(folder)), len(list(folder.iterdir()))) == (1, 4)
    await whole(after, "small")
    living.forget("small")
    assert len(files(folder)) == 1
    again = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
    ended(after)
    again.take_over()
    assert bytes(await whole(again, "small")) == SMALL_ONE
    assert again.fetches == 0


async def test_an_ended_process_is_recognised_even_if_its_id_is_reused(objects: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "edge"
    await objects.put("small", SMALL_ONE)
    script = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as other:
        before = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
        await whole(before, "small")
        ended(before)
        assert before._folder is not None
        before._folder.rename(folder / f"{before._folder.name.split('-')[0]}-{other.pid}")
        after = DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK)
        after.take_over()
        other.kill()
    assert after.weight == len(SMALL_ONE)
    assert len(list(folder.iterdir())) == 1


async def test_files_of_a_machine_without_a_boot_id_are_not_trusted(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.edge.cache.process_folder._BOOT", tmp_path / "nothing")
    await objects.put("small", SMALL_ONE)
    before = DiskCache(EdgeStore(objects), tmp_path / "edge", budget=100 * BLOCK)
    await whole(before, "small")
    ended(before)
    after = DiskCache(EdgeStore(objects), tmp_path / "edge", budget=100 * BLOCK)
    after.take_over()
    assert (after.weight, len(list((tmp_path / "edge").iterdir()))) == (0, 1)


async def test_an_unreadable_old_file_does_not_prevent_caching(
    objects: ObjectStore, cache: DiskCache, tmp_path: Path
) -> None:
    await objects.put("small", SMALL_ONE)
    cache.take_over()
    assert cache._folder is not None
    boot = cache._folder.name.split("-")[0]
    (tmp_path / "edge" / f"{boot}-77").write_text("no folder")
    after = DiskCache(EdgeStore(objects), tmp_path / "edge", budget=100 * BLOCK)
    after.take_over()
    assert bytes(await whole(after, "small")) == SMALL_ONE


async def test_each_file_is_taken_over_by_one_of_several_starting_processes(
    objects: ObjectStore, tmp_path: Path
) -> None:
    folder = tmp_path / "edge"
    for number in range(20):
        await objects.put(f"object-{number}", b"%d" % number)
    caches = [DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK) for _ in range(4)]
    for number in range(20):
        await whole(caches[number % 4], f"object-{number}")
    for one in caches:
        ended(one)
    now = [DiskCache(EdgeStore(objects), folder, budget=100 * BLOCK) for _ in range(4)]
    await asyncio.gather(*(asyncio.to_thread(one.take_over) for one in now))
    assert len(list(folder.iterdir())) == 4
    assert sum(len(one._left) for one in now) == len(files(folder)) == 20
    assert sum(one.weight for one in now) == sum(len(b"%d" % number) for number in range(20))


@pytest.fixture
async def after(objects: ObjectStore, tmp_path: Path) -> DiskCache:
    """Returns the cache of a process that took over one object, `small`."""
    await objects.put("small", SMALL_ONE)
    before = DiskCache(EdgeStore(objects), tmp_path / "edge", budget=100 * BLOCK)
    await whole(before, "small")
    ended(before)
    after = DiskCache(EdgeStore(objects), tmp_path / "edge", budget=100 * BLOCK)
    after.take_over()
    return after


@pytest.mark.parametrize("left", [None, b"cut off"])
async def test_a_changed_file_of_an_ended_process_is_fetched_again(
    after: DiskCache, tmp_path: Path, left: bytes | None
) -> None:
    (file,) = files(tmp_path / "edge")
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    open_files = len(os.listdir("/proc/self/fd"))
    assert bytes(await after.view("small", len(SMALL_ONE), 0, 9)) == SMALL_ONE
    assert (after.fetches, after.weight) == (1, len(SMALL_ONE))
    after.forget("small")
    assert after.weight == 0
    assert len(os.listdir("/proc/self/fd")) <= open_files


async def test_a_removed_cache_of_a_running_edge_is_created_again(after: DiskCache, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "edge")
    assert bytes(await after.view("small", len(SMALL_ONE), 0, 9)) == SMALL_ONE
    assert (after.fetches, after.weight, len(files(tmp_path / "edge"))) == (1, len(SMALL_ONE), 1)


async def test_no_folder_is_left_when_its_lock_file_cannot_be_written(
    objects: ObjectStore, cache: DiskCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    await objects.put("small", SMALL_ONE)
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", full)
        cache.take_over()
        assert bytes(await whole(cache, "small")) == SMALL_ONE
        assert list((tmp_path / "edge").iterdir()) == []
    monkeypatch.setattr(cache, "_full_until", 0.0)
    assert bytes(await whole(cache, "small")) == SMALL_ONE
    assert (cache.in_memory, cache.weight) == (0, len(SMALL_ONE))


async def test_a_file_system_without_locks_can_be_used(
    objects: ObjectStore, cache: DiskCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    await objects.put("small", SMALL_ONE)
    cache.take_over()
    assert bytes(await whole(cache, "small")) == SMALL_ONE
    assert cache.weight == len(SMALL_ONE)


async def test_a_temporarily_unreadable_file_is_neither_lost_nor_counted_twice(
    after: DiskCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(StoreUnavailableError):
            await after.view("small", len(SMALL_ONE), 0, 9)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert bytes(await after.view("small", len(SMALL_ONE), 0, 9)) == SMALL_ONE
    assert (after.fetches, after.weight) == (0, len(SMALL_ONE))


async def test_taken_over_files_are_used_while_the_disk_is_full(
    after: DiskCache, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after, "_full_until", time.monotonic() + 60)
    obstore.delete(objects._store, "small")
    assert bytes(await after.view("small", len(SMALL_ONE), 0, 9)) == SMALL_ONE
    assert (after.fetches, after.in_memory) == (0, 0)


async def test_the_number_of_taken_over_files_is_limited(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.edge.cache.disk.MOST_HELD", 4)
    for start in (0, 3, 6):
        cache = DiskCache(EdgeStore(objects), tmp_path / "edge", budget=100 * BLOCK)
        cache.take_over()
        for number in range(start, start + 3):
            await objects.put(f"small-{number}", b"%d" % number)
            await whole(cache, f"small-{number}")
        assert len(files(tmp_path / "edge")) <= 4
        assert cache.weight == len(files(tmp_path / "edge"))
        ended(cache)


async def test_a_file_system_without_modes_can_be_used(
    objects: ObjectStore, cache: DiskCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    await objects.put("small", SMALL_ONE)
    assert bytes(await whole(cache, "small")) == SMALL_ONE
    assert cache.weight == len(SMALL_ONE)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("a small disk cannot be mounted here (it takes root)")
        yield disk


async def test_requested_objects_are_kept_in_a_small_memory_cache_while_the_disk_is_full(
    objects: ObjectStore, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.edge.cache.disk.IN_MEMORY", 8 * BLOCK)
    monkeypatch.setattr("easel.edge.cache.disk.FULL_FOR", 0.0)
    cache = DiskCache(EdgeStore(objects), small_disk.folder / "edge", budget=100 * BLOCK)
    contents = {f"object-{n}": os.urandom(3 * BLOCK + n) for n in range(4)}
    for key, content in contents.items():
        await objects.put(key, content)
    await objects.put("large", LARGE)
    before = await cache.view("object-0", len(contents["object-0"]), 0, 1)
    small_disk.fill()
    monkeypatch.setattr("easel.edge.cache.disk.FULL_FOR", 60.0)
    for key, content in contents.items():
        views = await asyncio.gather(*(cache.view(key, len(content), n, n + 1) for n in range(20)))
        assert all(bytes(view) == content for view in views)
        assert cache.in_memory <= 8 * BLOCK
    view = await cache.view("large", len(LARGE), BLOCK - 5, BLOCK + 5)
    assert bytes(view[BLOCK - 5 : BLOCK + 5]) == LARGE[BLOCK - 5 : BLOCK + 5]
    assert bytes(await whole(cache, "large")) == LARGE
    assert cache.in_memory <= 8 * BLOCK
    assert bytes(before) == contents["object-0"]
    # The limit is twice the number of requests that are needed once. The full disk is noticed only after some requests.
    assert cache.fetches <= 9
    small_disk.free()
    monkeypatch.setattr(cache, "_full_until", 0.0)
    assert bytes(await cache.view("object-1", len(contents["object-1"]), 0, 1)) == contents["object-1"]
    assert cache.weight == len(contents["object-1"])


async def test_the_cache_leaves_the_disks_reserve_free_and_recent_objects_stay(
    objects: ObjectStore, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EdgeStore(objects)
    contents = {f"object-{n}": os.urandom(4 * BLOCK) for n in range(4)}
    for key, content in contents.items():
        await objects.put(key, content)
    free = DiskReserve(small_disk.folder, "0").room().free
    objects.reserve = DiskReserve(small_disk.folder, str(free - 10 * BLOCK))
    cache = DiskCache(store, small_disk.folder / "edge", budget=100 * BLOCK)
    for key, content in contents.items():
        assert bytes(await whole(cache, key)) == content
    assert cache.weight == 8 * BLOCK
    fetches = cache.fetches
    for key in ("object-2", "object-3"):
        assert bytes(await whole(cache, key)) == contents[key]
    assert (cache.fetches, cache.in_memory) == (fetches, 0)
    # Another program fills the disk. The cache frees its files, and continues in memory.
    objects.reserve = DiskReserve(small_disk.folder, str(free + 1))
    assert bytes(await whole(cache, "object-0")) == contents["object-0"]
    assert (cache.weight, cache.in_memory) == (0, 4 * BLOCK)


async def test_only_the_data_around_a_range_of_a_long_deflated_member_is_fetched(
    objects: ObjectStore, cache: DiskCache, tmp_path: Path
) -> None:
    content = base64.b64encode(os.urandom(9 << 20))
    bundle = deflate(content, 1)
    member = Member(
        "0" * 64, len(content), "application/octet-stream", 0, 0, len(bundle), DEFLATED, zlib.crc32(content)
    )
    manifest = Manifest([BundleRef("bundle", "0" * 64, len(bundle))], {"long.db": member})
    variants = build_variants(manifest, [memoryview(bundle)])
    assert variants is not None
    await objects.put("bundle", bundle)
    await objects.put("variants", variants)
    read = Content(EdgeStore(objects), cache, ManifestCache(tmp_path / "manifests", budget=1), budget=1 << 24)
    file = File("long.db", member, 200, "", Place({}).site(manifest=manifest))
    for start in (len(content) - 100, 3 << 20):
        before = cache.fetched
        made = await read.variants("variants", member, in_parts=True)
        request = Request("GET", "/long.db", range=f"bytes={start}-{start + 99}")
        part = answer_file(file.source, file, representations(file, made), request).body
        assert isinstance(part, BundleSlice)
        assert b"".join([piece async for piece in read.stream(part)]) == content[start : start + 100]
        assert cache.fetched - before <= len(variants) + 5 * BLOCK
    assert len(bundle) > 4 * (len(variants) + BLOCK)
