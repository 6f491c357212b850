"""Errors of the database, the object store and the disk."""

from __future__ import annotations

from typing import Any

from easel.errors import EaselError, NotFoundError, ServiceUnavailableError

ROOM_AFTER = 30
"""Retry-After of a full disk, in seconds: an operator may have freed space by then."""


class ObjectMissingError(NotFoundError):
    """The object {key} is not in the store."""

    code = "object_missing"


class ObjectsUrlInvalidError(EaselError):
    """EASEL_OBJECTS_URL is `{url}`, which opens no object store: {reason}. Write it like `s3://bucket/prefix`,
    `gs://bucket/prefix` or `az://container/prefix`, with account and credentials in the variables of that service."""

    status = 400
    code = "objects_url_invalid"


class EndpointWithoutTlsError(EaselError):
    """{variable} is {endpoint}: without TLS, everybody on the network path can read the traffic. Write it with
    https://, or set AWS_ALLOW_HTTP=true to allow plain http."""

    status = 400
    code = "endpoint_without_tls"


class ObjectTooLargeError(EaselError):
    """The object {key} is larger than {limit} bytes."""

    status = 413
    code = "object_too_large"


class StorageFullError(EaselError):
    """The disk that holds Easel's objects is full. Nothing was changed; free some space and try again."""

    # This is no ServiceUnavailableError, because waiting does not help: a deploy fails at once with this message.

    status = 503
    code = "storage_full"

    def __init__(self, **details: Any) -> None:
        super().__init__(**{"retry_after_seconds": ROOM_AFTER, **details})


class ReserveReachedError(StorageFullError):
    """The disk that holds Easel's data is nearly full: {free} bytes are free, and {reserve} are kept in reserve.
    Nothing was changed; free some space (deleting apps helps) and try again."""


class FilesReserveReachedError(StorageFullError):
    """The disk that holds Easel's data has room for {free} more files, and {reserve} are kept in reserve. Nothing was
    changed; remove some files (deleting apps helps) and try again."""


class DatabaseReadOnlyError(ServiceUnavailableError):
    """The database is read-only: it is failing over, or its operator has closed it for writes. Nothing was changed; try
    again in a moment."""

    code = "database_read_only"


class DatabaseUnavailableError(ServiceUnavailableError):
    """The database is unavailable: {reason}. Check EASEL_DATABASE_URL, and that the server runs and lets Easel in."""

    code = "database_unavailable"


class StoreUnavailableError(ServiceUnavailableError):
    """The object store is unavailable: {reason}. Nothing was changed; try again in a moment."""

    status = 503
    code = "store_unavailable"


class StoreRefusesError(StoreUnavailableError):
    """The object store refuses every request of this machine: {reason}. Nothing was changed. Easel's operator has to
    check its credentials, the bucket's name and region, and this machine's clock."""

    code = "store_refuses"


class BucketMissingError(StoreRefusesError):
    """There is no bucket{named} ({said}). Nothing was changed. Easel's operator has to create it, or to name another
    one."""


class ObjectNameError(EaselError):
    """`{key}` is not named the way Easel names objects."""

    code = "object_name_invalid"
