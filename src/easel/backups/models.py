"""The parts of a backup, as they are stored in its folder or bucket.

`backups/{name}/index.json` lists the parts. `backups/{name}/records/{table}` are the tables in the text format of COPY.
`objects/…` are the objects, which all backups in one folder or bucket share.
"""

from __future__ import annotations

import msgspec

FORMAT = 1


class Table(msgspec.Struct, frozen=True):
    """The stored rows of a database table: their number, their columns, and the SHA-256 (hex) of their file."""

    columns: list[str]
    rows: int
    sha256: str


class StoredObject(msgspec.Struct, frozen=True):
    """An object in a backup: its length in bytes, its SHA-256 (hex), and, for an object that may change, the ETag that
    the store reported during the backup."""

    size: int
    sha256: str
    etag: str | None = None


class Index(msgspec.Struct, frozen=True):
    """The index of one backup. `files` maps the names of small files in the data folder (keys) to their content."""

    format: int
    easel: str
    schema: str
    made_at: str
    tables: dict[str, Table]
    objects: dict[str, StoredObject]
    files: dict[str, str]


def index_key(name: str) -> str:
    """Returns the key of a backup's index. The index is written last, so a folder without an index is not a backup."""
    return f"backups/{name}/index.json"


def table_key(name: str, table: str) -> str:
    """Returns the key of the file with a table's rows in the backup `name`."""
    return f"backups/{name}/records/{table}"


def object_key(key: str) -> str:
    """Returns the key of an object in a backup. `key` is the object's key in the live store."""
    return f"objects/{key}"
