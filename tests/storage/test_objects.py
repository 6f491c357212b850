"""The object stores: a folder and two S3 servers; and the freshness page."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.running import free_port
from bench.stores import Bucket, moto, rclone
from easel.storage.errors import (
    ObjectMissingError,
    ObjectTooLargeError,
    StorageFullError,
    StoreRefusesError,
    StoreUnavailableError,
)
from easel.storage.freshness import SLOTS, FreshnessPage, slot_of
from easel.storage.objects import FolderObjects, ObjectStore, open_objects


@pytest.fixture(scope="module", params=["folder", "moto", "rclone"])
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    if request.param == "folder":
        yield {}
    else:
        with moto() if request.param == "moto" else rclone(tmp_path_factory.mktemp("rclone")) as bucket:
            yield bucket.environment("some/prefix")


@pytest.fixture
def objects(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return open_objects(environment.get("EASEL_OBJECTS_URL"), tmp_path / "objects", tmp_path / "scratch")


async def test_objects_are_stored_read_listed_and_removed(objects: ObjectStore) -> None:
    await objects.put("apps/a/one", b"hello")
    assert await objects.get("apps/a/one") == b"hello"
    assert await objects.get_range("apps/a/one", 1, 3) == b"ell"
    assert await objects.get_range("apps/a/one", 1, 0) == b""
    info = await objects.head("apps/a/one")
    assert info is not None
    assert info.size == 5
    assert [i.key async for i in objects.keys("apps/a")] == ["apps/a/one"]
    await objects.delete("apps/a/one")
    await objects.delete("apps/a/one")
    assert await objects.head("apps/a/one") is None
    with pytest.raises(ObjectMissingError):
        await objects.get("apps/a/one")


async def test_a_pinned_upload_cannot_be_changed_by_another_upload(objects: ObjectStore) -> None:
    await objects.put("app-builds/a/t/x.zip", b"first")
    async with objects.pin("app-builds/a/t/x.zip") as pinned:
        await objects.put("app-builds/a/t/x.zip", b"second, and longer")
        assert (pinned.hash, pinned.size) == (hashlib.sha256(b"first").hexdigest(), 5)
        await objects.adopt(pinned, "apps/a/bundles/x.zip")
    assert await objects.get("apps/a/bundles/x.zip") == b"first"
    assert not pinned.path.exists()


async def test_a_large_object_is_stored_in_parts_and_read_in_ranges(objects: ObjectStore, tmp_path: Path) -> None:
    data = os.urandom(12_000_000)
    (tmp_path / "large").write_bytes(data)
    await objects.put_file("apps/a/large", tmp_path / "large")
    assert await objects.get_range("apps/a/large", 11_000_000, 1_000_000) == data[11_000_000:]
    async with objects.pin("apps/a/large") as pinned:
        assert (pinned.hash, pinned.size) == (hashlib.sha256(data).hexdigest(), len(data))
    with pytest.raises(ObjectTooLargeError):
        async with objects.pin("apps/a/large", limit=11_000_000):
            pass
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_a_store_that_is_gone_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in Bucket(free_port(), "easel").environment("x").items():
        monkeypatch.setenv(name, value)
    objects = open_objects("s3://easel/x", tmp_path, tmp_path)
    with pytest.raises(StoreUnavailableError):
        await objects.check()


async def test_a_store_that_takes_requests_and_answers_none_is_said_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for name, value in Bucket(server.getsockname()[1], "easel").environment("x").items():
            monkeypatch.setenv(name, value)
        objects = open_objects("s3://easel/x", tmp_path, tmp_path, impatience=0.1)
        for ask in (objects.get("k"), objects.get_range("k", 0, 1), objects.head("k")):
            with pytest.raises(StoreUnavailableError):
                await ask


async def test_a_bucket_that_is_missing_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto() as bucket:
        for name, value in bucket.environment("x").items():
            monkeypatch.setenv(name, value)
        await open_objects("s3://easel/x", tmp_path, tmp_path).check()
        with pytest.raises(StoreRefusesError, match="NoSuchBucket"):
            await open_objects("s3://another/x", tmp_path, tmp_path).check()


async def test_wrong_credentials_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"AWS_SECRET_ACCESS_KEY": "SignatureDoesNotMatch", "AWS_ACCESS_KEY_ID": "InvalidAccessKeyId"}
    with rclone(tmp_path / "rclone") as bucket:
        for variable, said in wrong.items():
            for name, value in {**bucket.environment("x"), variable: "wrong"}.items():
                monkeypatch.setenv(name, value)
            objects = open_objects("s3://easel/x", tmp_path, tmp_path)
            for ask in (objects.check(), objects.get("k"), objects.put("k", b"")):
                with pytest.raises(StoreRefusesError, match=said):
                    await ask


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here (it takes root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_is_said_and_what_was_there_still_works(small_disk: Path) -> None:
    objects = FolderObjects(small_disk / "objects", small_disk / "scratch")
    await objects.put("a/small", b"x" * 1000)
    with pytest.raises(StorageFullError):
        await objects.put("a/large", os.urandom(400_000))
    assert await objects.get("a/small") == b"x" * 1000
    assert await objects.head("a/large") is None
    assert list((small_disk / "scratch").iterdir()) == []


def test_a_bump_is_seen_by_every_process_that_maps_the_page(tmp_path: Path) -> None:
    writer, reader = FreshnessPage(tmp_path / "page"), FreshnessPage(tmp_path / "page")
    slot = slot_of("app_0123456789abcdef")
    before = reader.view[slot]
    writer.bump(slot)
    assert reader.view[slot] != before
    assert slot != 0


def test_a_page_that_exists_is_bumped_on_a_full_disk_as_on_any_other(small_disk: Path) -> None:
    page = FreshnessPage(small_disk / "page")
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))
    page.bump(SLOTS - 1)
    assert page.view[SLOTS - 1] == 1
