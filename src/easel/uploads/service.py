"""Issues upload URLs, and tracks the arriving uploads."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlencode

from sqlalchemy import func, update

from easel import clock
from easel.access.secrets import Vault
from easel.apps.models import App
from easel.ids import new_secret
from easel.settings import Settings
from easel.storage.database import Database, Transaction
from easel.storage.object_names import upload_key
from easel.storage.objects import ObjectInfo, ObjectStore
from easel.storage.statements import statements
from easel.uploads.errors import (
    FilenameInvalidError,
    TooManyUploadsError,
    UploadBytesLimitError,
    UploadUrlExpiredError,
    UploadUrlInvalidError,
)
from easel.uploads.models import Upload

_SQL = statements(__name__)

OBJECTS_PATH = "/_objects/"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def clean_filename(filename: str) -> str:
    """Returns the last part of a path as a plain name: letters, digits, '.', '_' and '-', at most 120 characters.
    Raises FilenameInvalidError if no usable character is left."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    # Each character is normalised separately, because normalising a run of combining marks takes quadratic time.
    plain = "".join(unicodedata.normalize("NFKD", character) for character in last).encode("ascii", "ignore").decode()
    name = _UNSAFE.sub("-", plain).strip(".-")
    if not name:
        raise FilenameInvalidError(filename=filename[:200], reason="it contains no usable characters")
    return name[-120:].lstrip(".-")


KEPT = timedelta(days=1)
"""Time for which an upload stays stored after its URL has expired."""


@dataclass(frozen=True, slots=True)
class WaitingUploads:
    """An organisation's uploads that wait to be deployed: their number, their bytes, and the time at which the first of
    them is swept."""

    addresses: int
    size: int
    frees_at: datetime | None


_WAITING = _SQL["waiting"]


async def waiting_uploads(work: Transaction, organisation: str, settings: Settings) -> WaitingUploads:
    """Returns the organisation's uploads that wait to be deployed."""
    ((addresses, size, oldest),) = await work.sql(_WAITING, {"org": organisation})
    return WaitingUploads(addresses, size, _swept_at(oldest, settings))


def _swept_at(issued: datetime | None, settings: Settings) -> datetime | None:
    return issued + timedelta(seconds=settings.upload_expires) + KEPT if issued else None


async def require_room(work: Transaction, organisation: str, settings: Settings) -> None:
    """Raises TooManyUploadsError or UploadBytesLimitError if the organisation is at its limit of waiting uploads.
    Simultaneous requests may exceed the number slightly. Bytes are counted one upload after another, so they cannot
    exceed their limit."""
    waiting = await waiting_uploads(work, organisation, settings)
    for error, used, limit in (
        (TooManyUploadsError, waiting.addresses, settings.max_waiting_uploads),
        (UploadBytesLimitError, waiting.size, settings.max_waiting_upload_bytes),
    ):
        if limit and used >= limit:
            raise error(limit=limit, used=used, retry_after_seconds=seconds_until(waiting.frees_at), retryable=False)


def seconds_until(moment: datetime | None) -> int:
    """Returns the number of seconds from now until the moment, rounded up, and at least 1."""
    return max(1, math.ceil((moment - clock.now()).total_seconds())) if moment else 1


async def issue_upload(work: Transaction, app: App, filename: str, content_type: str) -> Upload:
    """Creates an upload for the app, under an unguessable key. Raises FilenameInvalidError."""
    upload = Upload(
        key=upload_key(app.id, new_secret(), clean_filename(filename)),
        org_id=app.org_id,
        app_id=app.id,
        filename=filename,
        content_type=content_type,
        created_at=clock.now(),
    )
    work.session.add(upload)
    await work.session.flush()
    return upload


async def add_internal(work: Transaction, key: str, app_id: str, org_id: str, size: int) -> None:
    """Records an object of this many bytes that Easel itself is about to store. The sweep later removes the object like
    an upload."""
    upload = Upload(
        key=key,
        org_id=org_id,
        app_id=app_id,
        filename=key.rpartition("/")[2],
        content_type="application/zip",
        size=size,
        waiting=False,
        created_at=clock.now(),
    )
    work.session.add(upload)
    await work.session.flush()


class FoundUpload(NamedTuple):
    """The fields of an upload for a check whether its bytes have arrived. Sizes are in bytes."""

    key: str
    etag: str | None
    size: int | None
    counted: int


async def find_upload(work: Transaction, app: App, key: str) -> FoundUpload | None:
    """Returns the upload with this key if it was issued for this app. Returns None otherwise."""
    found = await work.sql(_SQL["find"], {"key": key, "app": app.id, "org": app.org_id})
    return FoundUpload(*found[0]) if found else None


_ALIVE = _SQL["alive"]


async def has_an_app(work: Transaction, key: str) -> bool:
    """Returns true if the app whose id is the second segment of this object key still exists."""
    return bool(await work.sql(_ALIVE, {"key": key}))


async def begin_upload(database: Database, key: str, length: int, settings: Settings) -> None:
    """Starts an upload of this many bytes, which count against the limit from now on. Raises UploadUrlInvalidError if
    the upload's app is deleted. Raises UploadBytesLimitError."""
    limit = settings.max_waiting_upload_bytes or None
    granted = await database.statement(_SQL["grant"], {"key": key, "length": length, "limit": limit})
    if not granted:
        raise UploadUrlInvalidError(reason="the app of this upload URL was deleted")
    ((is_granted, used, oldest),) = granted
    if not is_granted:
        wait = seconds_until(_swept_at(oldest, settings))
        raise UploadBytesLimitError(limit=limit, used=used, wanted=length, retry_after_seconds=wait, retryable=False)


async def give_up_upload(database: Database, key: str, length: int) -> None:
    """Stops counting the `length` bytes of an upload that ended without storing anything."""
    await database.statement(_SQL["give_up"], {"key": key, "length": length})


async def release_interrupted(database: Database) -> None:
    """Stops counting the bytes of all unfinished uploads, because a killed api process may have left them.

    Do not call this function for a store that receives uploads directly. The bytes of an upload that another process
    is receiving are not counted either, until that upload is complete.
    """
    async with database.apart() as statement:
        await statement(_SQL["forget_broken_off"], {})


async def note_arrival(work: Transaction, key: str, etag: str, size: int) -> None:
    """Records the ETag and size (bytes) of an upload that Easel's own endpoint received. They replace the values of an
    earlier upload to the same URL."""
    counted = func.greatest(Upload.counted - func.coalesce(Upload.size, 0), size)
    await work.session.execute(update(Upload).where(Upload.key == key).values(etag=etag, size=size, counted=counted))


async def note_found(work: Transaction, upload: FoundUpload, info: ObjectInfo) -> None:
    """Counts the bytes of an upload that went directly to a bucket, now that the bucket has reported its size."""
    if upload.etag is None and upload.counted != info.size:
        await work.session.execute(update(Upload).where(Upload.key == upload.key).values(counted=info.size))


async def count_as_waiting(work: Transaction, key: str | None) -> None:
    """Counts an upload as waiting again, after its deploy failed."""
    await work.session.execute(update(Upload).where(Upload.key == key, ~Upload.waiting).values(waiting=True))


async def inspect_upload(objects: ObjectStore, upload: FoundUpload) -> ObjectInfo | None:
    """Returns the object at the upload's key, with the ETag that its uploader got. Returns None if there is no
    object."""
    info = await objects.head(upload.key)
    if info is None or upload.etag is None or upload.size != info.size:
        return info
    return ObjectInfo(key=info.key, size=info.size, etag=upload.etag, last_modified=info.last_modified)


@dataclass(frozen=True, slots=True)
class SignedAddress:
    """The parts of a URL that Easel signed: the operation, the object, and the expiry."""

    method: str
    key: str
    expires: int
    content_type: str
    filename: str

    def _text(self) -> str:
        return "\n".join((self.method, self.key, str(self.expires), self.content_type, self.filename))

    def url(self, vault: Vault, base_url: str) -> str:
        """Returns the signed URL, which begins with the api's address `base_url`."""
        query = {"X-Easel-Expires": str(self.expires)}
        if self.content_type:
            query["X-Easel-Content-Type"] = self.content_type
        if self.filename:
            query["X-Easel-Filename"] = self.filename
        query["X-Easel-Signature"] = vault.sign(self._text())
        return f"{base_url.rstrip('/')}{OBJECTS_PATH}{quote(self.key)}?{urlencode(query)}"

    def check(self, vault: Vault, signature: str) -> None:
        """Checks that the URL has not been altered and has not expired. Raises UploadUrlInvalidError,
        UploadUrlExpiredError."""
        if not vault.signed(self._text(), signature):
            raise UploadUrlInvalidError(reason="the signature does not match")
        if self.expires < clock.now().timestamp():
            raise UploadUrlExpiredError()
