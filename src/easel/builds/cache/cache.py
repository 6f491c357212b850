"""The cached folders of one app and environment on this machine.

An entry is immutable. A build works on a copy of the entry, or moves the whole entry out of the cache and later back. A
build of the same app and environment replaces an entry as a whole. Thus, no two builds ever write to the same folders.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from easel.builds.cache.folders import copy_folder, folder_entries, folder_size, move_folder, remove_folder
from easel.files import lock_file
from easel.settings import Settings

Kind = Literal["dependencies", "downloads", "framework"]

MOST_ENTRIES = 500_000
"""Maximum number of files and folders of an entry. Copying more files and folders takes longer than an install."""
LOCK_TIMEOUT = 30.0
"""Maximum time in seconds to wait while another build of the same app and environment copies to or from the cache."""
_ABANDONED = 3600.0
"""Age in seconds from which an unfinished folder counts as the remains of a killed builder."""
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class BuildCache:
    """The cache of one app and environment.

    `generation` grows when the app's cache is cleared. Entries of earlier generations are never read again. `limit` is
    the maximum size in bytes of the cache of all apps together. If `reading` is false, a build gets no cached folders.
    """

    folder: Path
    app_id: str
    environment: str
    generation: int
    limit: int
    reading: bool = True

    @classmethod
    def of(
        cls, settings: Settings, app_id: str, environment: str, *, generation: int = 0, reading: bool = True
    ) -> Self:
        """Returns the build cache of an app's environment, which is in the data folder of this machine."""
        folder = settings.data_dir.resolve() / "builds" / "cache"
        return cls(folder, app_id, environment, generation, settings.build_cache_bytes, reading)

    @property
    def _app(self) -> Path:
        if not _SAFE.fullmatch(self.app_id):
            raise ValueError(f"{self.app_id[:80]!r} is not an app id")
        return self.folder / self.app_id

    @property
    def _scope(self) -> Path:
        # An environment's name may be too long for a file name, or hold characters that file names cannot have.
        named = hashlib.sha256(self.environment.encode()).hexdigest()[:32]
        return self._app / str(self.generation) / named

    async def restore(self, kind: Kind, key: str, into: Path, *, move: bool = False) -> tuple[str, ...]:
        """Copies (with `move`: moves) the folders of the cache entry with this kind and key to their places below
        `into`, and returns their paths. Existing folders are replaced.

        Returns no paths if there is no such entry, or if a path now leads through a link. Moving the folders removes
        the entry from the cache. Raises OSError.
        """
        if not self.reading:
            return ()
        entry = self._scope / _name(kind, key)
        if not entry.is_dir():
            return ()
        async with _locked(self._scope, fcntl.LOCK_EX if move else fcntl.LOCK_SH):
            try:
                paths = json.loads((entry / "about.json").read_text())["paths"]
            except (OSError, ValueError):
                # Another process has evicted the entry in the meantime.
                return ()
            targets = [target for path in paths if (target := place_below(into, path, make=True)) is not None]
            if len(targets) < len(paths):
                return ()
            taken = self.folder / f".{secrets.token_hex(8)}"
            try:
                for target in targets:
                    await remove_folder(target)
                if move:
                    # If the builder is killed during the move, only this temporary folder remains, and no incomplete
                    # entry.
                    entry.rename(taken)
                for number, target in enumerate(targets):
                    if move:
                        await move_folder(taken / "contents" / str(number), target)
                    else:
                        await copy_folder(entry / "contents" / str(number), target)
            except OSError:
                # An incomplete entry is worse than no entry, because it would make the next build fail.
                for target in targets:
                    await remove_folder(target)
                await self._evict(entry)
                raise
            finally:
                await remove_folder(taken)
            if not move:
                os.utime(entry)
        return tuple(paths)

    def has(self, kind: Kind, key: str) -> bool:
        """Returns true if the cache has an entry of this kind with this key."""
        return (self._scope / _name(kind, key)).is_dir()

    async def keep(self, kind: Kind, key: str, of: Path, paths: tuple[str, ...], *, move: bool = True) -> int:
        """Copies (with `move`: moves) the folders at `paths` below `of` into the cache entry with this kind and key,
        and replaces the previous entry. Returns the entry's size in bytes. Returns 0 if no path is a folder or the
        folders exceed the limits. Raises OSError."""
        found = {path: place for path in paths if (place := place_below(of, path)) is not None and _is_folder(place)}
        if not found:
            return 0
        entry = self._scope / _name(kind, key)
        scratch = self.folder / f".{secrets.token_hex(8)}"
        contents = scratch / "contents"
        await asyncio.to_thread(_make_private, self.folder, self._scope, contents)
        try:
            for number, place in enumerate(found.values()):
                await (move_folder if move else copy_folder)(place, contents / str(number))
            size = await folder_size(contents)
            if size > self.limit // 2 or await folder_entries(contents) > MOST_ENTRIES:
                return 0
            (scratch / "about.json").write_text(json.dumps({"paths": list(found), "bytes": size}))
            async with _locked(self._scope, fcntl.LOCK_EX):
                old = self.folder / f".{secrets.token_hex(8)}"
                if entry.is_dir():
                    entry.rename(old)
                scratch.rename(entry)
            await remove_folder(old)
        finally:
            await remove_folder(scratch)
        return size

    async def shrink(self) -> None:
        """Removes this app's earlier generations and the remains of killed builders. Then evicts the least recently
        used entries until the entries of all apps take at most the limit. Raises OSError."""
        for folder in _folders(self._app):
            if folder.name.isdigit() and int(folder.name) < self.generation:
                await self._evict(folder)
        for folder in _folders(self.folder):
            if folder.name.startswith(".") and time.time() - folder.stat().st_mtime > _ABANDONED:
                await remove_folder(folder)
        entries = await asyncio.to_thread(_entries, self.folder)
        total = sum(size for size, _ in entries.values())
        for entry in sorted(entries, key=lambda path: entries[path][1]):
            if total <= self.limit:
                return
            with _alone(entry.parent) as alone:
                # Without the lock, another build may be copying from the entry.
                if alone:
                    total -= entries[entry][0]
                    await self._evict(entry)

    async def _evict(self, folder: Path) -> None:
        away = self.folder / f".{secrets.token_hex(8)}"
        try:
            folder.rename(away)
        except FileNotFoundError:
            return
        await remove_folder(away)


@asynccontextmanager
async def _locked(scope: Path, how: int) -> AsyncIterator[None]:
    """Holds the lock of a scope, the cache folder of one app and environment, during the block. `how` is fcntl's flag
    for a shared or an exclusive lock. Raises OSError if the lock is not free within `LOCK_TIMEOUT`."""
    with (scope / "lock").open("a") as file:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while True:
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)
        yield


@contextmanager
def _alone(scope: Path) -> Iterator[bool]:
    """Yields true if no other process holds the lock of a scope, the cache folder of one app and environment. In that
    case, this process holds the lock during the block."""
    with (scope / "lock").open("a") as file:
        yield lock_file(file)


def _name(kind: Kind, key: str) -> str:
    return f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def place_below(folder: Path, path: str, *, make: bool = False) -> Path | None:
    """Returns the place of a path below a folder. Returns None if a parent folder of the path is a link, or is missing
    and may not be created."""
    *parts, last = path.split("/")
    place = folder
    for part in (*parts, last):
        if part in ("", ".", ".."):
            return None
    for part in parts:
        place /= part
        if make and not place.is_symlink() and not place.exists():
            place.mkdir(mode=0o755)
        if not _is_folder(place):
            return None
    return place / last


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _make_private(top: Path, *folders: Path) -> None:
    """Creates the folder `top` and these folders in it. Only Easel's user can enter them, so that builds, which run as
    another user if root started Easel, cannot read them."""
    top.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in folders:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _entries(top: Path) -> Mapping[Path, tuple[int, float]]:
    """Returns, for the folder of each cache entry below `top`, its size in bytes and the time of its last use."""
    found = {}
    for app in _folders(top):
        if app.name.startswith("."):
            continue
        for generation in _folders(app):
            for scope in _folders(generation):
                for entry in _folders(scope):
                    try:
                        size = json.loads((entry / "about.json").read_text())["bytes"]
                        found[entry] = (int(size), entry.stat().st_mtime)
                    except (OSError, ValueError, KeyError):
                        found[entry] = (0, 0.0)
    return found
