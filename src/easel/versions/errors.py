"""Why a version cannot be had or used."""

from __future__ import annotations

from easel.errors import BadRequestError, ConflictError, NotFoundError


class VersionNotFoundError(NotFoundError):
    """There is no version {version} of this app."""

    code = "version_not_found"


class VersionHasNoFilesError(BadRequestError):
    """Version {version} holds a configuration only: it was published before anything was deployed."""

    code = "version_has_no_files"


class VersionPrunedError(BadRequestError):
    """Version {version} was pruned: what it was is still recorded, its files are gone. Choose one that is kept."""

    code = "version_pruned"


class VersionDamagedError(ConflictError):
    """Version {version} is damaged: {reason}. Nothing was changed."""

    code = "version_damaged"
