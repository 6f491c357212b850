"""The operations on uploads. For stores that clients cannot access, Easel has endpoints of its own: for uploads and
downloads of the folder store, and for uploads to Azure."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

import psycopg
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy.exc import DBAPIError
from starlette.requests import ClientDisconnect

from easel import clock
from easel.api.http.bodies import SLOWEST, timely
from easel.api.http.context import Deployer, Parts, Services, Work, services_of
from easel.api.http.route import EaselRoute
from easel.apps.service import get_app
from easel.serving.negotiate import byte_range
from easel.settings import Settings
from easel.storage.errors import ObjectMissingError
from easel.storage.folder import FolderObjects
from easel.storage.objects import ObjectStore
from easel.uploads.errors import (
    BundleTooLargeError,
    LengthRequiredError,
    UploadIncompleteError,
    UploadNotFoundError,
    UploadUrlInvalidError,
)
from easel.uploads.schemas import UploadUrlRequest, UploadUrlResponse, VerifyUploadRequest, VerifyUploadResponse
from easel.uploads.service import (
    OBJECTS_PATH,
    SignedAddress,
    begin_upload,
    find_upload,
    give_up_upload,
    has_an_app,
    inspect_upload,
    issue_upload,
    note_arrival,
    note_found,
    require_room,
)

router = APIRouter(prefix="/v1/apps", tags=["Apps"], route_class=EaselRoute)
objects_router = APIRouter(include_in_schema=False)

SILENCE = 60
"""Idle timeout of an upload, in seconds."""


@router.post("/{app_id}/deploy/upload-url", summary="Get an Upload URL", response_model=UploadUrlResponse)
async def get_upload_url(
    app_id: str, body: UploadUrlRequest, request: Request, work: Work, caller: Deployer, parts: Parts
) -> UploadUrlResponse:
    """Get a presigned URL to PUT a bundle to, and the key for deploying it."""
    app = await get_app(work, caller, app_id)
    await require_room(work, app.org_id, parts.settings)
    content_type = body.content_type or "application/zip"
    upload = await issue_upload(work, app, body.filename, content_type)
    expires = parts.settings.upload_expires
    if "PUT" in parts.objects.presigns:
        # Signing may use the network, so the transaction ends first. The upload is already recorded. If its URL never
        # reaches the client, the sweep removes the upload.
        await work.release()
        url = await parts.objects.presigned("PUT", upload.key, expires)
    else:
        signed = SignedAddress("PUT", upload.key, int(clock.now().timestamp()) + expires, content_type, "")
        url = signed.url(parts.vault, public_base(parts.settings, request))
    return UploadUrlResponse(upload_url=url, bundle_s3_key=upload.key, expires_in=expires)


@router.post("/{app_id}/deploy/verify-upload", summary="Verify an Upload", response_model=VerifyUploadResponse)
async def verify_upload(
    app_id: str, body: VerifyUploadRequest, work: Work, caller: Deployer, parts: Parts
) -> VerifyUploadResponse:
    """Check whether the bytes have arrived, and get their ETag and size."""
    app = await get_app(work, caller, app_id)
    upload = await find_upload(work, app, body.bundle_s3_key)
    if upload is None:
        raise UploadNotFoundError(bundle_s3_key=body.bundle_s3_key)
    if parts.objects.far:
        await work.release()
    info = await inspect_upload(parts.objects, upload)
    if info is not None:
        await work.resume()
        await note_found(work, upload, info)
    return VerifyUploadResponse(
        bundle_s3_key=upload.key,
        exists=info is not None,
        etag=info.etag if info else None,
        size_bytes=info.size if info else None,
        last_modified=clock.iso(info.last_modified) if info else None,
    )


def public_base(settings: Settings, request: Request) -> str:
    """Returns the api's public address: the configured address, or else the address to which the client sent the
    request."""
    return settings.api_url or str(request.base_url)


@objects_router.options(OBJECTS_PATH + "{key:path}")
async def allow_cross_origin(key: str) -> Response:
    """Answers the preflight request of a browser that uploads from another origin."""
    return Response(status_code=204)


@objects_router.put(OBJECTS_PATH + "{key:path}")
async def receive_upload(
    key: str,
    request: Request,
    expires: Annotated[int, Query(alias="X-Easel-Expires")] = 0,
    content_type: Annotated[str, Query(alias="X-Easel-Content-Type")] = "",
    signature: Annotated[str, Query(alias="X-Easel-Signature")] = "",
) -> Response:
    """Receives the bytes of an upload. They are streamed to the store, installed when complete, and removed otherwise.
    Their Content-Type is ignored, because browsers and tools label zips in many ways, and the deploy checks the
    content."""
    services = services_of(request)
    signed = SignedAddress("PUT", key, expires, content_type, "")
    signed.check(services.vault, signature)
    if "PUT" in services.objects.presigns:
        raise _kept_elsewhere()
    length = _declared_length(request, services.settings.max_upload_size)
    await begin_upload(services.database, key, length, services.settings)
    try:
        etag = await store_upload(services.objects, key, request, length)
    except BaseException:
        with suppress(DBAPIError, psycopg.Error, OSError):
            await asyncio.shield(give_up_upload(services.database, key, length))
        raise
    async with services.database.transaction() as work:
        await note_arrival(work, key, etag, length)
    return Response(status_code=200, headers={"ETag": etag})


async def store_upload(objects: ObjectStore, key: str, request: Request, length: int) -> str:
    """Stores the request's body of `length` bytes as the object, and returns its ETag. Raises UploadIncompleteError,
    RequestTimeoutError, StorageFullError and StoreUnavailableError, after which no part remains."""
    # As in S3, the ETag of an object in one piece is the MD5 of its bytes. The ETag only identifies the content, and
    # protects nothing.
    digest = hashlib.md5(usedforsecurity=False)

    async def pieces() -> AsyncIterator[bytes]:
        received = 0
        try:
            async for chunk in timely(request, silence=SILENCE, slowest=lambda: SLOWEST):
                received += len(chunk)
                if received > length:
                    raise UploadIncompleteError(received=received, expected=length)
                digest.update(chunk)
                yield chunk
        except ClientDisconnect:
            # A client may disconnect at any time, so this is not an unexpected error.
            raise UploadIncompleteError(received=received, expected=length) from None
        if received != length:
            raise UploadIncompleteError(received=received, expected=length)

    await objects.put_stream(key, pieces(), length=length)
    return f'"{digest.hexdigest()}"'


def _declared_length(request: Request, limit: int) -> int:
    header = request.headers.get("content-length", "")
    if not header.isdigit():
        raise LengthRequiredError()
    if int(header) > limit:
        raise BundleTooLargeError(limit=limit)
    return int(header)


@objects_router.api_route(OBJECTS_PATH + "{key:path}", methods=["GET", "HEAD"])
async def send_object(
    key: str,
    request: Request,
    expires: Annotated[int, Query(alias="X-Easel-Expires")] = 0,
    filename: Annotated[str, Query(alias="X-Easel-Filename")] = "",
    signature: Annotated[str, Query(alias="X-Easel-Signature")] = "",
) -> Response:
    """Sends an object whose download address Easel signed."""
    services = services_of(request)
    SignedAddress("GET", key, expires, "", filename).check(services.vault, signature)
    path = _folder(services).local_path(key)
    async with services.database.transaction() as work:
        known = await has_an_app(work, key)
    if not known or path is None or not path.is_file():
        raise ObjectMissingError(key=key)
    # FileResponse parses the header again, by other rules. It therefore gets one plain range, or no header.
    part = _plain_range(request.headers.get("range", ""), path.stat().st_size)
    others = [header for header in request.scope["headers"] if header[0] != b"range"]
    request.scope["headers"] = others if part is None else [*others, (b"range", part)]
    return FileResponse(path, media_type="application/zip", filename=filename or None)


def _plain_range(asked: str, size: int) -> bytes | None:
    """Returns the Range header in its plainest form, for a file of `size` bytes. Returns None if the whole file is to
    be sent.

    RFC 9110 §14.2: a server may ignore the header. Ranges past the end are ignored too, so that a client that resumes a
    download gets the whole file instead of an error.
    """
    try:
        part = byte_range(asked, size)
    except ValueError:
        return None
    return f"bytes={part[0]}-{part[1] - 1}".encode() if part is not None else None


def _folder(services: Services) -> FolderObjects:
    if not isinstance(services.objects, FolderObjects):
        raise _kept_elsewhere()
    return services.objects


def _kept_elsewhere() -> UploadUrlInvalidError:
    return UploadUrlInvalidError(reason="this Easel stores its objects in a bucket")
