"""Errors of uploads and downloads."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError, LimitReachedError, NotFoundError


class FilenameInvalidError(BadRequestError):
    """The file name {filename} cannot be used: {reason}."""

    code = "filename_invalid"


class TooManyUploadsError(LimitReachedError):
    """This organisation has {used} upload URLs without a deploy; the limit is {limit}. Deploy some of the uploads. An
    upload URL stops counting one day after it expires."""

    status = 403
    code = "upload_limit_reached"
    limit = "waiting_uploads"


class UploadBytesLimitError(LimitReachedError):
    """This organisation has {used} uploaded bytes without a deploy; the limit is {limit}. Deploy some of the uploads.
    An upload stops counting one day after its URL expires."""

    status = 403
    code = "upload_bytes_limit_reached"
    limit = "waiting_upload_bytes"


class UploadNotFoundError(NotFoundError):
    """There is no upload {bundle_s3_key} for this app. Request an upload URL, and upload the bundle there."""

    code = "upload_not_found"


class UploadUrlExpiredError(EaselError):
    """This upload URL has expired. Request a new URL and upload again."""

    status = 403
    code = "upload_url_expired"


class UploadUrlInvalidError(EaselError):
    """This upload URL cannot be used: {reason}. Request a new upload URL."""

    status = 403
    code = "upload_url_invalid"


class BundleTooLargeError(EaselError):
    """The bundle is larger than {limit} bytes. Leave out files that the app does not need."""

    status = 413
    code = "bundle_too_large"


class LengthRequiredError(EaselError):
    """An upload request needs the header Content-Length."""

    status = 411
    code = "length_required"


class UploadIncompleteError(BadRequestError):
    """The upload ended after {received} of {expected} bytes. Nothing was stored. Upload the bundle again."""

    code = "upload_incomplete"
