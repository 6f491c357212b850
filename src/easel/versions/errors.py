"""Errors of versions: why one cannot be found or used."""

from __future__ import annotations

from easel.errors import BadRequestError, ConflictError, LimitReachedError, NotFoundError


class VersionNotFoundError(NotFoundError):
    """There is no version {version} of this app."""

    code = "version_not_found"


class VersionHasNoFilesError(BadRequestError):
    """Version {version} holds only a configuration: it was published before the first deploy."""

    code = "version_has_no_files"


class ConfigurationBytesLimitError(LimitReachedError):
    """The versions of this organisation have {used} bytes of configurations; the limit is {limit}, and this one is
    large. Make it smaller, delete apps that are no longer needed, or have old versions pruned."""

    status = 403
    code = "configuration_bytes_limit_reached"
    limit = "configuration_bytes"


class VersionPrunedError(BadRequestError):
    """Version {version} was pruned: its record remains, but its files are deleted. Choose a version that is not
    pruned."""

    code = "version_pruned"


class VersionDamagedError(ConflictError):
    """Version {version} is damaged: {reason}. Nothing was changed."""

    code = "version_damaged"
