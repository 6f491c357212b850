"""The bytes on their way: a zip to its upload address, a bundle from its download address."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final
from urllib.parse import urlsplit

import httpx

from easel.cli.client import TRANSFER_TIMEOUT
from easel.cli.credentials import is_loopback
from easel.cli.errors import ApiError, DownloadFailedError, StoreRefusedError, UploadFailedError
from easel.cli.output import Output
from easel.errors import ErrorResponse

CONTENT_TYPE: Final = "application/zip"
PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt after connection trouble."""

_CHUNK = 256 * 1024
_STORE_ERROR = re.compile(r"<Code>([^<]*)</Code>\s*<Message>([^<]*)</Message>")


def upload(url: str, content: IO[bytes], length: int, output: Output) -> None:
    """PUTs `length` bytes to a presigned address, streaming; tries again after connection trouble.

    No key is sent along: the address alone says who may. Raises UploadFailedError, and ApiError or
    StoreRefusedError for what the server or its store refuses.
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
                reason = _reason(error)
            else:
                if response.is_success:
                    return
                refusal = _refused(response, "upload")
                # A disk that is full has no room a moment later either.
                full = isinstance(refusal, ApiError) and refusal.answer.code == "storage_full"
                if full or (response.status_code < 500 and response.status_code != 429):
                    raise refusal
                reason = f"the server answered {response.status_code}"
            if pause is not None:
                output.warn(f"The upload to {_host(url)} broke off ({reason}). Attempt {attempt + 1} in {pause:g} s …")
                time.sleep(pause)
    raise UploadFailedError(host=_host(url), attempts=len(PAUSES) + 1, reason=reason)


def download(url: str, target: Path, output: Output) -> int:
    """GETs a presigned address into `target`, which is there only when it is whole. Gives the size in bytes.

    Raises DownloadFailedError, and ApiError or StoreRefusedError for what the server or its store refuses.
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
    """GETs a presigned address into an open file. Gives the size in bytes. Raises as `download` does."""
    # The bundle itself is wanted, not what a content encoding makes of it.
    headers = {"Accept-Encoding": "identity"}
    received = 0
    try:
        with httpx.stream("GET", url, headers=headers, timeout=TRANSFER_TIMEOUT, trust_env=_trust_env(url)) as response:
            if not response.is_success:
                response.read()
                raise _refused(response, "download")
            expected = int(response.headers.get("content-length", 0))
            with output.progress("Downloading", expected) as bar:
                for chunk in response.iter_raw(_CHUNK):
                    file.write(chunk)
                    received += len(chunk)
                    bar.advance(len(chunk))
    except httpx.TransportError as error:
        raise DownloadFailedError(reason=f"{_host(url)}: {_reason(error)}") from error
    return received


def _refused(response: httpx.Response, what: str) -> ApiError | StoreRefusedError:
    try:
        answer = ErrorResponse.model_validate_json(response.content).error
    except ValueError:
        # An object store answers in its own format: the three large ones in this XML.
        said = _STORE_ERROR.search(response.text)
        reason = f"{said[1]}, {said[2].strip().rstrip('.')}" if said else f"it answered {response.status_code}"
        return StoreRefusedError(host=_host(str(response.url)), what=what, reason=reason)
    return ApiError(response.status_code, answer)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _reason(error: httpx.TransportError) -> str:
    """What broke off, in words; of a name that leads nowhere the system gives little more than a number."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "this machine does not know the name"
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__


def _trust_env(url: str) -> bool:
    """Whether proxies from the environment apply: not on this machine."""
    return not is_loopback(urlsplit(url).hostname or "")
