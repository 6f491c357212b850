"""Errors of the database, the object store and the disk."""

from __future__ import annotations

from typing import Any

from easel.errors import EaselError, NotFoundError, ServiceUnavailableError

ROOM_AFTER = 30
"""Seconds after which a client may retry (Retry-After) when the disk is full. An operator may have freed space by
then."""


class ObjectMissingError(NotFoundError):
    """The object {key} is not in the object store."""

    code = "object_missing"


class ObjectsUrlInvalidError(EaselError):
    """EASEL_OBJECTS_URL is `{url}`, but Easel cannot open an object store there: {reason}. Write the URL like
    `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. Set the account and credentials in the
    variables of that service."""

    status = 400
    code = "objects_url_invalid"


class EndpointWithoutTlsError(EaselError):
    """{variable} is {endpoint}, which does not use TLS, so everybody on the network path can read the traffic. Use
    https://, or set AWS_ALLOW_HTTP=true to allow http."""

    status = 400
    code = "endpoint_without_tls"


class ObjectTooLargeError(EaselError):
    """The object {key} is larger than {limit} bytes."""

    status = 413
    code = "object_too_large"


class StorageFullError(EaselError):
    """The disk that holds Easel's objects is full. Nothing was changed. Free some space, and try again."""

    # This error is not a ServiceUnavailableError, because waiting does not help. A deploy fails at once with this
    # message.

    status = 503
    code = "storage_full"

    def __init__(self, **details: Any) -> None:
        super().__init__(**{"retry_after_seconds": ROOM_AFTER, **details})


class ReserveReachedError(StorageFullError):
    """The disk that holds Easel's data is nearly full: {free} bytes are free, but {reserve} bytes must stay free.
    Nothing was changed. Free some space (for example, delete apps), and try again."""


class FilesReserveReachedError(StorageFullError):
    """The disk that holds Easel's data can hold only {free} more files, but room for {reserve} files must stay free.
    Nothing was changed. Remove some files (for example, delete apps), and try again."""


class DatabaseReadOnlyError(ServiceUnavailableError):
    """The database is read-only, because it is failing over or because its operator made it read-only. Nothing was
    changed. Try again in a moment."""

    code = "database_read_only"


class DatabaseUnavailableError(ServiceUnavailableError):
    """The database is unavailable: {reason}. Check EASEL_DATABASE_URL. Check also that the database server runs and
    accepts connections from Easel."""

    code = "database_unavailable"


class StoreUnavailableError(ServiceUnavailableError):
    """The object store is unavailable: {reason}. Nothing was changed. Try again in a moment."""

    status = 503
    code = "store_unavailable"


class StoreRefusesError(StoreUnavailableError):
    """The object store refuses every request from this machine: {reason}. Nothing was changed. Easel's operator must
    check the credentials, the bucket's name and region, and this machine's clock."""

    code = "store_refuses"


class BucketMissingError(StoreRefusesError):
    """There is no bucket{named} ({said}). Nothing was changed. Easel's operator must create this bucket or choose
    another bucket."""


class ObjectNameError(EaselError):
    """`{key}` does not have the form of a key that Easel uses for objects."""

    code = "object_name_invalid"
