"""The start settings of the embedded PostgreSQL, which serves one machine, one database and only Easel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

NAME: Final = "easel.conf"
SETTINGS: Final = """\
# Easel writes this file at each start. To override a setting, add it to postgresql.conf, below the line that includes
# this file.

# Easel uses no logical replication.
max_logical_replication_workers = 0
# Easel uses no serializable transactions.
max_pred_locks_per_transaction = 10
# No transaction locks hundreds of tables and indexes.
max_locks_per_transaction = 16
# Transactions are small. A larger transaction writes its log to the disk in several pieces.
wal_buffers = 1MB
# No statement runs long enough for its compilation to pay.
jit = off
"""
"""Settings that turn off parts of PostgreSQL which use memory or a process and which Easel does not need. For each
setting, see PostgreSQL's documentation, chapter 19."""
SINCE_18: Final = """
# A small database is in memory, so reading it needs no I/O processes.
io_method = sync
io_max_concurrency = 8
"""
"""Further settings for PostgreSQL 18. Earlier versions do not start with an unknown setting."""
_INCLUDE: Final = f"include_if_exists = '{NAME}'\n"


def configure(folder: Path) -> None:
    """Writes Easel's settings into a data folder of PostgreSQL. They apply from the next start.

    An operator's settings in `postgresql.conf` take precedence. Raises OSError. PostgreSQL can still start then,
    perhaps with the previous settings.
    """
    own, given = folder / NAME, folder / "postgresql.conf"
    settings = SETTINGS + (SINCE_18 if int((folder / "PG_VERSION").read_text()) >= 18 else "")
    text = given.read_text()
    if not own.exists() or own.read_text() != settings:
        _write(own, settings, like=given)
    if _INCLUDE not in text:
        # The line that includes the settings is at the top, because PostgreSQL uses the last of several lines about a
        # setting.
        _write(given, _INCLUDE + text, like=given)


def _write(path: Path, text: str, *, like: Path) -> None:
    """Writes a text file completely or not at all. The file belongs to the owner of the file `like`, and only this
    owner can read it."""
    half, owner = path.with_name(f"{path.name}.half"), like.stat()
    half.write_text(text)
    half.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(half, owner.st_uid, owner.st_gid)
    half.replace(path)
