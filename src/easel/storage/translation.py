"""Translates errors of the object store and of the system into Easel's errors."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError

from easel.storage.errors import (
    BucketMissingError,
    ObjectMissingError,
    StorageFullError,
    StoreRefusesError,
    StoreUnavailableError,
)

# S3, GCS and Azure report errors in the same XML. Azure appends the request's id and time to its message.
_CODE = re.compile(r"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(r"<Message>([^<\r\n]*)")

_REFUSALS = frozenset(("AuthorizationHeaderMalformed", "ExpiredToken", "InvalidToken", "PermanentRedirect"))
"""Error codes in a store's response, other than 401 and 403, after which a retry does not help."""

_NO_BUCKET = frozenset(("ContainerNotFound", "NoSuchBucket"))
_BUCKET = re.compile(r"<BucketName>([^<]+)|<Resource>/?([^</]+)")

_REFUSED = re.compile(r"status code: 40[13] |Generating SAS keys .{0,200} not supported")
"""Matches two kinds of errors: the store refuses the credentials (401 or 403), or the credentials cannot sign URLs (an
Azure SAS token)."""


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Translates errors of the object store and of the system in the block into Easel's errors: ObjectMissingError,
    StorageFullError, StoreRefusesError, StoreUnavailableError."""
    try:
        yield
    except FileNotFoundError as error:
        # obstore raises FileNotFoundError for any 404, including a missing bucket.
        _require_bucket(error)
        raise ObjectMissingError(key=key) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError() from error
        raise StoreUnavailableError(reason=error.strerror or type(error).__name__) from error
    except BaseError as error:
        text = str(error)
        if "No space left" in text:
            raise StorageFullError() from error
        _require_bucket(error)
        said = _said(text)
        # The first line describes the request. All other lines only help to debug the library.
        first = text.splitlines()[0]
        reason = f"{said[0]}, {said[1]}"[:300].rstrip(".") if said else first[:300].rstrip(".")
        if _REFUSED.search(first) or (said and said[0] in _REFUSALS):
            raise StoreRefusesError(reason=reason) from error
        raise StoreUnavailableError(reason=reason) from error


def _require_bucket(error: Exception) -> None:
    """Raises BucketMissingError if the store's error says that the bucket does not exist."""
    text = str(error)
    said = _said(text)
    if said and said[0] in _NO_BUCKET:
        named = _BUCKET.search(text)
        raise BucketMissingError(named=f" `{named[1] or named[2]}`" if named else "", said=said[0]) from error


def _said(text: str) -> tuple[str, str] | None:
    """Returns the error code and the message in the text of a store's error response. Returns None if it has none."""
    code = _CODE.search(text)
    message = _MESSAGE.search(text, code.end()) if code else None
    return (code[1], message[1]) if code and message else None
