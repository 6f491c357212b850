"""What keeps a backup from being made or brought back."""

from __future__ import annotations

from easel.errors import BadRequestError, ConflictError, EaselError, NotFoundError


class BackupNotFoundError(NotFoundError):
    """There is no backup{named} in {place}."""

    code = "backup_not_found"


class BackupDamagedError(EaselError):
    """The backup is damaged: {what}. Nothing of it was brought back; use another one."""

    code = "backup_damaged"


class BackupTooNewError(BadRequestError):
    """The backup was made by Easel {found} with schema {schema}, which this Easel does not know. Install that one."""

    code = "backup_too_new"


class NotEmptyError(ConflictError):
    """There are apps in the database already. A backup is brought back into an empty one: name another --data-dir or
    EASEL_DATABASE_URL."""

    code = "not_empty"


class AppUnknownError(NotFoundError):
    """There is no app `{app}` in the database."""

    code = "app_not_found"
