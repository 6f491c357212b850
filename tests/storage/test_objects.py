"""The object stores: a folder, two S3 servers, Azurite, and GCS's client."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from easel.storage.errors import (
    BucketMissingError,
    ObjectMissingError,
    ObjectsUrlInvalidError,
    ObjectTooLargeError,
    StorageFullError,
    StoreRefusesError,
    StoreUnavailableError,
)
from easel.storage.folder import FolderObjects
from easel.storage.objects import ObjectStore
from easel.storage.stores import open_objects
from easel.uploads.errors import UploadIncompleteError
from testbed.running import free_port
from testbed.stores import Bucket
from tests.azurite import AZURITE

from .conftest import Opened


@pytest.fixture(params=["folder", "moto", "rclone", AZURITE, "gcs"])
def objects(request: pytest.FixtureRequest, opened: Opened) -> ObjectStore:
    return opened(request.param)


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


async def test_a_folder_store_reports_an_object_like_the_library(opened: Opened) -> None:
    objects = opened("folder")
    await objects.put("apps/a/one", b"hello")
    for key in ("apps/a/one", "apps/a", "apps/b"):
        assert await objects.head(key) == await ObjectStore.head(objects, key)
    assert await objects.head("apps/a/one/below") is None


async def test_an_object_is_read_in_pieces(objects: ObjectStore) -> None:
    data = os.urandom(3_000_000)
    await objects.put("apps/a/large", data)
    pieces = [piece async for piece in objects.pieces("apps/a/large")]
    assert b"".join(pieces) == data
    assert len(pieces) > 1
    with pytest.raises(ObjectMissingError):
        await anext(objects.pieces("apps/a/none"))


async def test_a_pinned_upload_cannot_be_changed_by_another_upload(objects: ObjectStore) -> None:
    await objects.put("app-builds/a/t/x.zip", b"first")
    async with objects.pin("app-builds/a/t/x.zip") as pinned:
        await objects.put("app-builds/a/t/x.zip", b"second, and longer")
        assert (await pinned.hash(), pinned.size) == (hashlib.sha256(b"first").hexdigest(), 5)
        await objects.adopt(pinned, "apps/a/bundles/x.zip")
    assert await objects.get("apps/a/bundles/x.zip") == b"first"
    assert not pinned.path.exists()


async def test_a_large_object_is_stored_in_parts_and_read_in_ranges(objects: ObjectStore, tmp_path: Path) -> None:
    data = os.urandom(12_000_000)
    (tmp_path / "large").write_bytes(data)
    await objects.put_file("apps/a/large", tmp_path / "large")
    assert await objects.get_range("apps/a/large", 11_000_000, 1_000_000) == data[11_000_000:]
    async with objects.pin("apps/a/large") as pinned:
        assert (await pinned.hash(), pinned.size) == (hashlib.sha256(data).hexdigest(), len(data))
    with pytest.raises(ObjectTooLargeError):
        async with objects.pin("apps/a/large", limit=11_000_000):
            pass
    assert list((tmp_path / "scratch").iterdir()) == []


async def stream(*pieces: bytes | Exception) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield piece


async def test_a_stream_is_stored_completely_or_not_at_all(objects: ObjectStore, tmp_path: Path) -> None:
    pieces = [os.urandom(1_500_000) for _ in range(8)]
    await objects.put_stream("apps/a/whole", stream(*pieces))
    assert await objects.get("apps/a/whole") == b"".join(pieces)
    await objects.put_stream("apps/a/empty", stream())
    assert await objects.get("apps/a/empty") == b""
    for missing, key in ((True, "apps/a/half"), (False, "apps/a/whole")):
        with pytest.raises(UploadIncompleteError):
            await objects.put_stream(key, stream(*pieces[:6], UploadIncompleteError(received=1, expected=2)))
        assert (await objects.head(key) is None) is missing
    assert await objects.get("apps/a/whole") == b"".join(pieces)
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("name", ["moto", "rclone", AZURITE, "gcs"])
async def test_a_presigned_url_accepts_and_returns_the_bytes(opened: Opened, name: str) -> None:
    objects = opened(name)
    key = "app-builds/a/t/my-site.zip"
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        if "PUT" in objects.presigns:
            url = await objects.presigned("PUT", key, 60)
            answer = await client.put(url, content=b"bytes", headers={"Content-Type": "application/zip"})
            assert (answer.status_code, await objects.get(key)) == (200, b"bytes")
        else:
            await objects.put(key, b"bytes")
        url = await objects.presigned("GET", key, 60)
        assert (await client.get(url)).content == b"bytes"
        if name in ("azurite", "rclone"):
            # moto does not check the signature of an address, so it is left out.
            await objects.put("app-builds/a/t/other.zip", b"other")
            assert (await client.get(url.replace("my-site", "other"))).status_code == 403
            assert (await client.put(url, content=b"x", headers={"x-ms-blob-type": "BlockBlob"})).status_code == 403


async def test_an_unreachable_store_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in Bucket(free_port(), "easel").environment("x").items():
        monkeypatch.setenv(name, value)
    objects = open_objects("s3://easel/x", tmp_path, tmp_path)
    with pytest.raises(StoreUnavailableError):
        await objects.check()


async def test_a_store_that_answers_no_request_is_reported_as_unreachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for name, value in Bucket(server.getsockname()[1], "easel").environment("x").items():
            monkeypatch.setenv(name, value)
        objects = open_objects("s3://easel/x", tmp_path, tmp_path, impatience=0.1)
        for ask in (objects.get("k"), objects.get_range("k", 0, 1), objects.head("k")):
            with pytest.raises(StoreUnavailableError):
                await ask


@pytest.mark.parametrize(
    ("name", "another", "said"),
    [
        ("moto", "s3://another/x", "no bucket `another`"),
        ("rclone", "s3://another/x", "no bucket `another`"),
        ("gcs", "gs://another/x", "no bucket"),
        pytest.param("azurite", "az://another/x", "no bucket", marks=pytest.mark.network),
    ],
)
async def test_a_missing_bucket_is_reported_and_not_a_missing_object(
    opened: Opened, name: str, another: str, said: str
) -> None:
    await opened(name).check()
    objects = opened(name, EASEL_OBJECTS_URL=another)
    large = objects.put_stream("k", stream(os.urandom(6_000_000)))
    for ask in (objects.check(), objects.get("k"), objects.put("k", b""), large, anext(objects.keys("apps"))):
        with pytest.raises(BucketMissingError, match=said) as refused:
            await ask
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "variable", "wrong", "said"),
    [
        ("rclone", "AWS_SECRET_ACCESS_KEY", "wrong", "SignatureDoesNotMatch"),
        ("rclone", "AWS_ACCESS_KEY_ID", "wrong", "InvalidAccessKeyId"),
        pytest.param(
            "azurite", "AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc=", "AuthorizationFailure", marks=pytest.mark.network
        ),
    ],
)
async def test_wrong_credentials_are_reported(opened: Opened, name: str, variable: str, wrong: str, said: str) -> None:
    objects = opened(name, **{variable: wrong})
    for ask in (objects.check(), objects.get("k"), objects.put("k", b""), anext(objects.keys("apps"))):
        with pytest.raises(StoreRefusesError, match=said):
            await ask
    with pytest.raises(StoreRefusesError, match="403"):
        await objects.head("k")


@pytest.mark.network
async def test_credentials_that_cannot_sign_are_reported(opened: Opened) -> None:
    objects = opened(
        "azurite", AZURE_STORAGE_ACCOUNT_KEY=None, AZURE_STORAGE_SAS_TOKEN="sv=2023-11-03&sp=rwdl&sig=c2ln"
    )
    with pytest.raises(StoreRefusesError, match="SAS tokens auth is not supported"):
        await objects.presigned("GET", "k", 60)


@pytest.mark.parametrize(
    ("url", "said"), [("az://easel/x", "Account must be specified"), ("ftp://easel/x", "cannot open an object store")]
)
def test_an_address_without_a_store_is_reported(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(ObjectsUrlInvalidError, match=said):
        open_objects(url, tmp_path, tmp_path)


async def test_a_full_disk_is_reported_and_existing_apps_still_work(small_disk: Path) -> None:
    objects = FolderObjects(small_disk / "objects", small_disk / "scratch")
    await objects.put("a/small", b"x" * 1000)
    with pytest.raises(StorageFullError):
        await objects.put("a/large", os.urandom(400_000))
    assert await objects.get("a/small") == b"x" * 1000
    assert await objects.head("a/large") is None
    assert list((small_disk / "scratch").iterdir()) == []


async def test_a_missing_folder_is_not_reported_as_a_missing_object(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "objects", tmp_path / "scratch")
    (tmp_path / "scratch").rmdir()
    for ask in (objects.put("a/b", b"x"), objects.put_stream("a/b", stream(b"x"))):
        with pytest.raises(StoreUnavailableError, match="the folder of the object store is missing"):
            await ask
