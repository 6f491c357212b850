"""Uploads and downloads that fail because the store has no space or cannot be found."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from easel.cli.exit_codes import ExitCode
from easel.cli.output import Output
from easel.cli.shipping import upload
from easel.cli.shipping.errors import DownloadFailedError, StoreRefusedError, UploadFailedError
from easel.storage.stores import open_objects
from testbed.running import free_port
from testbed.stores import moto

OUTPUT = Output(as_json=False)


def test_a_vanished_bucket_is_reported_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto() as bucket:
        for name, value in bucket.environment("x").items():
            monkeypatch.setenv(name, value)
        store = open_objects("s3://vanished/x", tmp_path, tmp_path)
        put, get = (asyncio.run(store.presigned(method, "k", 60)) for method in ("PUT", "GET"))
        with pytest.raises(StoreRefusedError) as refused:
            upload.upload(put, io.BytesIO(b"zip"), 3, OUTPUT)
        assert refused.value.message.startswith(
            f"The server stores bundles at 127.0.0.1:{bucket.port}, which refused the upload: "
            "NoSuchBucket, The specified bucket does not exist."
        )
        assert refused.value.exit_code is ExitCode.UNAVAILABLE
        with pytest.raises(StoreRefusedError, match="refused the download: NoSuchBucket"):
            upload.download(get, tmp_path / "k.zip", OUTPUT)
        assert list(tmp_path.iterdir()) == []


def test_an_unreachable_host_is_reported_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upload, "PAUSES", (0.0,))
    with pytest.raises(UploadFailedError) as failed:
        upload.upload("http://bundles.invalid/k?X-Amz-Signature=1", io.BytesIO(b"zip"), 3, OUTPUT)
    assert failed.value.message.startswith(
        "The upload to bundles.invalid failed after 2 attempts: the host name cannot be resolved."
    )
    assert "The upload to bundles.invalid was interrupted" in capsys.readouterr().err
    nobody = f"127.0.0.1:{free_port()}"
    with pytest.raises(DownloadFailedError, match=f"{nobody}: .*refused"):
        upload.download(f"http://{nobody}/k", tmp_path / "k.zip", OUTPUT)
