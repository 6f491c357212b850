"""Errors of versions: the reasons why a version cannot be found or used."""

from __future__ import annotations

from easel.errors import BadRequestError, ConflictError, LimitReachedError, NotFoundError


class VersionNotFoundError(NotFoundError):
    """There is no version {version} of this app."""

    code = "version_not_found"


class VersionHasNoFilesError(BadRequestError):
    """Version {version} contains only a configuration and no files, because it was published before the first deploy.
    Choose a version that a deploy created."""

    code = "version_has_no_files"


class ConfigurationBytesLimitError(LimitReachedError):
    """The configurations of this organisation's versions take {used} bytes; the limit is {limit}. Until they take less,
    only small configurations are accepted, and this configuration is large. Make it smaller, delete apps that you no
    longer need, or ask Easel's operator to prune old versions."""

    status = 403
    code = "configuration_bytes_limit_reached"
    limit = "configuration_bytes"


class VersionPrunedError(BadRequestError):
    """Version {version} was pruned: its record is kept, but its files are deleted. Choose a version that is not
    pruned."""

    code = "version_pruned"


class VersionDamagedError(ConflictError):
    """Version {version} is damaged: {reason}. Nothing was changed. Choose another version, or deploy again."""

    code = "version_damaged"
