"""Decides which files of a new version are immutable (cached for ever by clients). A file is immutable if its name
contains a hash, and no version of the app, even a pruned version, had other content under the same path.

One statement decides this when the version is created, for the paths that changed since the previous version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set

import msgspec

from easel.bundles.models import Member
from easel.storage.database import Database
from easel.storage.statements import statements

_SQL = statements(__name__)

_DIFFERENT = 0
"""The value that is recorded for a path under which an app has had several contents."""

_NOTE = _SQL["note"]


async def with_immutable(
    database: Database,
    org_id: str,
    app_id: str,
    files: Mapping[str, Member],
    may_be_hashed: Set[str],
    before: Mapping[str, Member],
) -> dict[str, Member]:
    """Returns the files of a new version, each with `immutable` set.

    A file of `may_be_hashed` is not immutable if a version of the app had other content under its path. `before` are
    the files of the latest version. The content of the paths is recorded, so two runs of one deploy make the same
    decisions. The contents of failed deploys are recorded too.
    """
    asked = {path: content for path in may_be_hashed if (content := _to_ask(path, files, before)) is not None}
    changed = await _note(database, org_id, app_id, asked) if asked else set()
    changed |= {path for path, content in asked.items() if content == _DIFFERENT}
    return {**files, **{path: msgspec.structs.replace(files[path], immutable=False) for path in changed}}


def _to_ask(path: str, files: Mapping[str, Member], before: Mapping[str, Member]) -> int | None:
    """Returns the value to record for a path of the new version. Returns None if the previous version has already
    recorded it."""
    earlier = before.get(path)
    if earlier is None:
        return _short(bytes.fromhex(files[path].hash))
    if earlier.hash != files[path].hash:
        return _DIFFERENT
    if earlier.immutable is None or (files[path].immutable and not earlier.immutable):
        return _short(bytes.fromhex(files[path].hash))
    return None


async def _note(database: Database, org_id: str, app_id: str, asked: Mapping[str, int]) -> set[str]:
    paths: dict[int, str] = {}
    contents: dict[int, int] = {}
    for path, content in asked.items():
        short = _short(hashlib.sha256(path.encode()).digest())
        # If the hashes of two paths are equal by chance, the files count as changed, which is always safe.
        contents[short] = _DIFFERENT if short in paths else content
        paths[short] = path
    rows = await database.statement(
        _NOTE, {"app": app_id, "org": org_id, "paths": list(contents), "contents": list(contents.values())}
    )
    different = {short for (short,) in rows}
    return {path for path in asked if _short(hashlib.sha256(path.encode()).digest()) in different}


def _short(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big", signed=True) or 1
