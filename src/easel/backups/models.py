"""The parts of a backup, as stored in its folder or bucket.

`backups/{name}/index.json` lists the parts. `backups/{name}/records/{table}` are the tables in the text format of COPY.
`objects/…` are the objects, which all backups in one place share.
"""

from __future__ import annotations

import msgspec

FORMAT = 1


class Table(msgspec.Struct, frozen=True):
    """A table's rows: their number, their columns, and the SHA-256 (hex) of the file."""

    columns: list[str]
    rows: int
    sha256: str


class StoredObject(msgspec.Struct, frozen=True):
    """An object: its length in bytes, its SHA-256 (hex), and, for an object that may change, the store's ETag at the
    time."""

    size: int
    sha256: str
    etag: str | None = None


class Index(msgspec.Struct, frozen=True):
    """One backup. `files` maps the names of the data folder's small files (keys) to their content."""

    format: int
    easel: str
    schema: str
    made_at: str
    tables: dict[str, Table]
    objects: dict[str, StoredObject]
    files: dict[str, str]


def index_key(name: str) -> str:
    """Returns the key of the backup's index. The index is written last. A folder without an index is no backup."""
    return f"backups/{name}/index.json"


def table_key(name: str, table: str) -> str:
    """Returns the key of a table's rows."""
    return f"backups/{name}/records/{table}"


def object_key(key: str) -> str:
    """Returns the key of an object in the backup. `key` is the object's key in the live store."""
    return f"objects/{key}"
