"""Why an upload or a download is refused."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError, NotFoundError


class FilenameInvalidError(BadRequestError):
    """The file name {filename} cannot be used: {reason}."""

    code = "filename_invalid"


class UploadNotFoundError(NotFoundError):
    """There is no upload {bundle_s3_key} for this app."""

    code = "upload_not_found"


class UploadUrlExpiredError(EaselError):
    """This upload URL has expired. Ask for a new one and upload again."""

    status = 403
    code = "upload_url_expired"


class UploadUrlInvalidError(EaselError):
    """This upload URL is not one that Easel handed out: {reason}."""

    status = 403
    code = "upload_url_invalid"


class BundleTooLargeError(EaselError):
    """The bundle is larger than {limit} bytes."""

    status = 413
    code = "bundle_too_large"


class ContentTypeMismatchError(EaselError):
    """The upload URL was asked for with content type {expected}, and this is {found}. Send the header
    `Content-Type: {expected}` with the PUT."""

    status = 403
    code = "content_type_mismatch"


class LengthRequiredError(EaselError):
    """An upload needs a Content-Length."""

    status = 411
    code = "length_required"


class UploadIncompleteError(BadRequestError):
    """The upload broke off after {received} of {expected} bytes. Nothing was stored."""

    code = "upload_incomplete"
