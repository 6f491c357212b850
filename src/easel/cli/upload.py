"""The bytes on their way: a zip to its upload address, a bundle from its download address."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final
from urllib.parse import urlsplit

import httpx

from easel.cli.client import TRANSFER_TIMEOUT
from easel.cli.credentials import is_loopback
from easel.cli.errors import ApiError, DownloadFailedError, UploadFailedError
from easel.cli.output import Output
from easel.errors import ErrorDetail, ErrorResponse

CONTENT_TYPE: Final = "application/zip"
PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt after connection trouble."""

_CHUNK = 256 * 1024


def upload(url: str, content: IO[bytes], length: int, output: Output) -> None:
    """PUTs `length` bytes to a presigned address, streaming; tries again after connection trouble.

    No key is sent along: the address alone says who may. Raises UploadFailedError, and ApiError for what the server
    refuses.
    """
    reason = ""
    with output.progress("Uploading", length) as bar:
        for attempt, pause in enumerate((*PAUSES, None), start=1):

            def chunks() -> Iterator[bytes]:
                while chunk := content.read(_CHUNK):
                    yield chunk
                    bar.advance(len(chunk))

            content.seek(0)
            bar.restart()
            try:
                response = httpx.put(
                    url,
                    content=chunks(),
                    headers={"Content-Type": CONTENT_TYPE, "Content-Length": str(length)},
                    timeout=TRANSFER_TIMEOUT,
                    trust_env=_trust_env(url),
                )
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            else:
                if response.is_success:
                    return
                if response.status_code < 500 and response.status_code != 429:
                    raise _refused(response)
                reason = f"the server answered {response.status_code}"
            if pause is not None:
                output.warn(f"The upload broke off ({reason}). Attempt {attempt + 1} in {pause:g} s …")
                time.sleep(pause)
    raise UploadFailedError(attempts=len(PAUSES) + 1, reason=reason)


def download(url: str, target: Path, output: Output) -> int:
    """GETs a presigned address into `target`, which is there only when it is whole. Gives the size in bytes.

    Raises DownloadFailedError, and ApiError for what the server refuses.
    """
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
    """GETs a presigned address into an open file. Gives the size in bytes. Raises DownloadFailedError, ApiError."""
    # The bundle itself is wanted, not what a content encoding makes of it.
    headers = {"Accept-Encoding": "identity"}
    received = 0
    try:
        with httpx.stream("GET", url, headers=headers, timeout=TRANSFER_TIMEOUT, trust_env=_trust_env(url)) as response:
            if not response.is_success:
                response.read()
                raise _refused(response)
            expected = int(response.headers.get("content-length", 0))
            with output.progress("Downloading", expected) as bar:
                for chunk in response.iter_raw(_CHUNK):
                    file.write(chunk)
                    received += len(chunk)
                    bar.advance(len(chunk))
    except httpx.TransportError as error:
        raise DownloadFailedError(reason=str(error) or type(error).__name__) from error
    return received


def _refused(response: httpx.Response) -> ApiError:
    try:
        answer = ErrorResponse.model_validate_json(response.content).error
    except ValueError:
        # An object store answers in its own format (XML for S3).
        message = f"The store answered {response.status_code}: {response.text[:300]}"
        answer = ErrorDetail(message=message, type="StoreError", code="store_refused")
    return ApiError(response.status_code, answer)


def _trust_env(url: str) -> bool:
    """Whether proxies from the environment apply: not on this machine."""
    return not is_loopback(urlsplit(url).hostname or "")
