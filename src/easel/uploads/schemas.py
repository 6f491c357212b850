"""Requests and responses about uploads."""

from __future__ import annotations

from pydantic import Field

from easel.schemas import Answer, Line, Request


class UploadUrlRequest(Request):
    """Asks for an address to upload a bundle to."""

    filename: Line = Field(min_length=1, max_length=1024)
    content_type: Line | None = Field(default="application/zip", max_length=200, pattern=r"^[\x21-\x7e]+/[\x20-\x7e]+$")


class UploadUrlResponse(Answer):
    """The address to PUT the bytes to, and the key to deploy with. `expires_in` is in seconds."""

    upload_url: str
    bundle_s3_key: str
    expires_in: int | None = 3600


class VerifyUploadRequest(Request):
    """Asks whether the bytes of the upload with this key have arrived."""

    bundle_s3_key: Line = Field(max_length=2048)


class VerifyUploadResponse(Answer):
    """The bytes that have arrived under a key. `size_bytes` and the fields after it are null until an upload has
    arrived."""

    bundle_s3_key: str
    exists: bool
    etag: str | None = None
    size_bytes: int | None = None
    last_modified: str | None = None
