"""The supported object stores, and a function that opens the store at a URL."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from easel.storage.disk_reserve import DiskReserve
from easel.storage.errors import EndpointWithoutTlsError, ObjectsUrlInvalidError
from easel.storage.folder import FolderObjects
from easel.storage.objects import Method, ObjectStore

_ALLOW_HTTP = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
"""The environment variables that may contain the address of an S3 server, in order of precedence."""


class BucketObjects(ObjectStore):
    """The objects of Easel in a bucket of S3, GCS or Azure. Endpoint, region and credentials come from the usual
    variables of these services."""

    presigns: frozenset[Method] = frozenset(("GET", "PUT"))
    far = True

    async def check(self) -> None:
        """Raises StoreUnavailableError unless the bucket exists and can be read."""
        # A request for an object could not distinguish a missing bucket from a missing object.
        async with self._soon("easel-ready"):
            async for _ in obstore.list(self._store, prefix="easel-ready"):
                break


class AzureObjects(BucketObjects):
    """The objects of Easel in Azure Blob Storage.

    Azure requires the header `x-ms-blob-type` on a PUT. Clients of presigned URLs do not send this header, and the URL
    cannot replace it. Uploads therefore go through the api.
    """

    presigns: frozenset[Method] = frozenset(("GET",))


def open_objects(
    url: str | None,
    folder: Path,
    scratch: Path,
    *,
    patience: float = 300,
    impatience: float | None = None,
    reserve: DiskReserve | None = None,
) -> ObjectStore:
    """Opens the store at the URL (`s3://bucket/prefix`, `gs://`, `az://`), or the folder if there is no URL.

    `patience` is the timeout in seconds of one request to a bucket, including its body. `impatience`, if given, is the
    timeout of reading an object, a range or its metadata, including all retries. `reserve` is the free space to keep on
    the disk of the folders, by default none. Raises ObjectsUrlInvalidError, EndpointWithoutTlsError.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    if url is None:
        return FolderObjects(folder, scratch, reserve=reserve)
    if url.startswith("file://"):
        return FolderObjects(Path(url.removeprefix("file://")), scratch, reserve=reserve)
    allow_http = any(os.environ.get(name, "").lower() in ("1", "true", "yes") for name in _ALLOW_HTTP)
    try:
        store = obstore.store.from_url(
            url,
            client_options={
                "connect_timeout": timedelta(seconds=3),
                "timeout": timedelta(seconds=patience),
                # These options override the variables of the environment.
                "allow_http": allow_http,
            },
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=10)},
        )
    except (BaseError, ValueError) as error:
        reason = str(error).splitlines()[0].removeprefix("Generic MicrosoftAzure error: ")
        raise ObjectsUrlInvalidError(url=url, reason=reason[:200].rstrip(".")) from error
    if not isinstance(store, S3Store | GCSStore | AzureStore):
        raise ObjectsUrlInvalidError(url=url, reason=f"it is a store of the unsupported type {type(store).__name__}")
    variable = next((name for name in _ENDPOINTS if os.environ.get(name)), "")
    endpoint = os.environ.get(variable, "")
    if isinstance(store, S3Store) and endpoint.startswith("http://") and not allow_http:
        raise EndpointWithoutTlsError(variable=variable, endpoint=endpoint)
    kind = AzureObjects if isinstance(store, AzureStore) else BucketObjects
    return kind(store, scratch, impatience=impatience, reserve=reserve)
