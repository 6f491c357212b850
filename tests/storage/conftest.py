"""Stores, each started on first use, and a disk that fills up soon."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from easel.storage.objects import ObjectStore
from easel.storage.stores import open_objects
from testbed.stores import Bucket, moto, rclone
from tests.azurite import Container

Environment = dict[str, str]


@pytest.fixture(scope="module")
def moto_bucket() -> Iterator[Bucket]:
    with moto() as bucket:
        yield bucket


@pytest.fixture(scope="module")
def rclone_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with rclone(tmp_path_factory.mktemp("rclone")) as bucket:
        yield bucket


@pytest.fixture(scope="module")
def gcs(moto_bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Returns the variables that make Easel take a bucket of moto for a bucket of GCS.

    No emulator of GCS supports the XML API that the client uses. The API is S3's XML, to which moto responds without
    checking signatures.
    """
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "easel@example.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": key.decode(),
        "gcs_base_url": f"http://127.0.0.1:{moto_bucket.port}",
    }
    file = tmp_path_factory.mktemp("gcs") / "account.json"
    file.write_text(json.dumps(account))
    return {
        "EASEL_OBJECTS_URL": f"gs://{moto_bucket.name}/some/other",
        "GOOGLE_SERVICE_ACCOUNT": str(file),
        "GOOGLE_ALLOW_HTTP": "true",
    }


Named = Callable[[str], Environment]


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest, container: Callable[[], Container]) -> Named:
    """Returns the variables of a store, which is started on first use."""

    def named(name: str) -> Environment:
        match name:
            case "folder":
                return {}
            case "azurite":
                return container().environment("some/prefix")
            case "gcs":
                environment: Environment = request.getfixturevalue("gcs")
                return environment
        bucket: Bucket = request.getfixturevalue(f"{name}_bucket")
        return bucket.environment("some/prefix")

    return named


Opened = Callable[..., ObjectStore]


@pytest.fixture
def opened(store: Named, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens a store, with some of its variables changed or left out."""

    def open_one(name: str, **changed: str | None) -> ObjectStore:
        environment = {key: value for key, value in {**store(name), **changed}.items() if value is not None}
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        return open_objects(environment.get("EASEL_OBJECTS_URL"), tmp_path / "objects", tmp_path / "scratch")

    return open_one


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
