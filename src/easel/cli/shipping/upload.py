"""Transfers: a zip to its upload URL, a bundle from its download URL."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final
from urllib.parse import urlsplit

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from easel.cli.answers import Refusal
from easel.cli.errors import ApiError
from easel.cli.http import TRANSFER_TIMEOUT, is_untrusted, open_pool, reason, retry_after
from easel.cli.output import Output
from easel.cli.shipping.errors import (
    DownloadFailedError,
    StoreRefusedError,
    UploadAddressPlainError,
    UploadFailedError,
    UploadTooLargeForProxyError,
)
from easel.cli.text import size
from easel.storage.errors import StorageFullError

CONTENT_TYPE: Final = "application/zip"
PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Backoff in seconds before each retry after connection errors."""

_PIECE = 32 * 1024  # Bytes that the slowest line sends within the timeout of one piece.
_CHUNK = 256 * 1024
_STORE_ERROR = re.compile(r"<Code>([^<]*)</Code>\s*<Message>([^<]*)</Message>")


def upload(url: str, content: IO[bytes], length: int, output: Output) -> None:
    """Sends `length` bytes to a presigned URL with PUT, as a stream, and retries after connection errors.

    No key is sent, because the URL itself grants access. Raises UploadFailedError. Raises ApiError or StoreRefusedError
    if the server or its store refuses the upload.
    """
    why = ""
    with open_pool(url) as pool, output.progress("Uploading", length) as bar:
        for attempt, pause in enumerate((*PAUSES, None), start=1):

            def chunks() -> Iterator[bytes]:
                while chunk := content.read(_PIECE):
                    yield chunk
                    bar.advance(len(chunk))

            content.seek(0)
            bar.restart()
            try:
                response = pool.request(
                    "PUT",
                    url,
                    body=chunks(),
                    headers={"Content-Type": CONTENT_TYPE, "Content-Length": str(length)},
                    timeout=TRANSFER_TIMEOUT,
                )
            except HTTPError as error:
                why = reason(error)
                if is_untrusted(error):
                    break
            else:
                if 200 <= response.status < 300:
                    return
                refusal = _refused(url, response, "upload", length)
                # A retry does not help, because the disk stays full.
                full = isinstance(refusal, ApiError) and refusal.answer.code == StorageFullError.code
                if full or (response.status < 500 and response.status != 429):
                    raise refusal
                why = f"the server responded with status {response.status}"
                pause = pause and max(pause, retry_after(response) or 0.0)
            if pause is not None:
                output.warn(
                    f"The upload to {_host(url)} was interrupted ({why}). Attempt {attempt + 1} in {pause:g} s …"
                )
                time.sleep(pause)
    raise UploadFailedError(host=_host(url), attempts=f"{attempt} attempt{'s' * (attempt > 1)}", reason=why)


def download(url: str, target: Path, output: Output) -> int:
    """Downloads a presigned URL into `target`, which appears only when complete. Returns the size in bytes. Raises
    DownloadFailedError. Raises ApiError or StoreRefusedError if the server or its store refuses."""
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as file:
            received = download_to(url, file, output)
        draft.replace(target)
    except OSError as error:
        raise DownloadFailedError(reason=str(error) or type(error).__name__) from error
    finally:
        draft.unlink(missing_ok=True)
    return received


def download_to(url: str, file: BinaryIO, output: Output) -> int:
    """Downloads a presigned URL into an open file. Returns the size in bytes. Raises the errors of `download`."""
    # A content encoding is refused, because the stored bytes of the bundle are needed.
    headers = {"Accept-Encoding": "identity"}
    received = 0
    try:
        with open_pool(url) as pool:
            response = pool.request("GET", url, headers=headers, timeout=TRANSFER_TIMEOUT, preload_content=False)
            if not 200 <= response.status < 300:
                raise _refused(url, response, "download")
            expected = int(response.headers.get("content-length", 0))
            with output.progress("Downloading", expected) as bar:
                for chunk in response.stream(_CHUNK, decode_content=False):
                    file.write(chunk)
                    received += len(chunk)
                    bar.advance(len(chunk))
    except HTTPError as error:
        raise DownloadFailedError(reason=f"{_host(url)}: {reason(error)}") from error
    return received


def _refused(url: str, response: urllib3.BaseHTTPResponse, what: str, length: int = 0) -> ApiError | StoreRefusedError:
    try:
        answer = Refusal.read(response.data).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        if response.status == 413 and what == "upload":
            return UploadTooLargeForProxyError(host=_host(url), size=size(length))
        sent_on = 300 <= response.status < 400 and response.headers.get("location", "").startswith("https:")
        if url.startswith("http:") and (sent_on or (response.status == 400 and b"HTTPS port" in response.data)):
            return UploadAddressPlainError(host=_host(url))
        # An object store responds in its own format. The three large stores use this XML format.
        said = _STORE_ERROR.search(response.data.decode("utf-8", "replace"))
        why = f"{said[1]}, {said[2].strip().rstrip('.')}" if said else f"it responded with status {response.status}"
        return StoreRefusedError(host=_host(url), what=what, reason=why)
    return ApiError(response.status, answer)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
