"""Errors of backups: the reasons why a backup cannot be created or restored."""

from __future__ import annotations

from easel.errors import BadRequestError, ConflictError, EaselError, NotFoundError


class BackupNotFoundError(NotFoundError):
    """There is no backup{named} in {place}."""

    code = "backup_not_found"


class BackupDamagedError(EaselError):
    """The backup is damaged: {what}. Nothing was restored; use another backup."""

    code = "backup_damaged"


class BackupTooNewError(BadRequestError):
    """The backup was created by Easel {found} with database schema {schema}, which this release of Easel does not know.
    Install Easel {found}."""

    code = "backup_too_new"


class NotEmptyError(ConflictError):
    """The database already contains apps. A backup can only be restored into an empty database. Choose another
    --data-dir or EASEL_DATABASE_URL."""

    code = "not_empty"


class AppUnknownError(NotFoundError):
    """There is no app `{app}` in the database."""

    code = "app_not_found"
