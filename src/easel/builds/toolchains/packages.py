"""Packages of the npm registry, unpacked once and shared read-only by all builds of the machine."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from easel.builds.cache.folders import folder_size
from easel.builds.toolchains.errors import ToolIntegrityError, ToolPackageError, ToolsTooLargeError
from easel.builds.toolchains.registry import Registry, Release

UNPACKED_LIMIT = 1024 * 1024 * 1024
"""Maximum size in bytes of a package's unpacked files. Node's files have 130 million bytes."""
MOST_FILES = 50_000
IN_USE = 2 * 3600.0
"""Seconds for which a running build may still use a package after the package was last chosen."""


@dataclass(frozen=True)
class Packages:
    """The folder of unpacked packages, named `{name}-{version}`. It contains only complete packages."""

    folder: Path
    registry: Registry
    limit: int
    """Maximum size in bytes of all unpacked packages together."""

    async def unpacked(
        self, release: Release, prepare: Callable[[Path, Path], None] | None = None, pin: str | None = None
    ) -> Path:
        """Returns the folder of a release. Downloads the release, checks its digest and unpacks it unless the folder
        exists.

        `prepare` is called with the unpacked folder and the archive before the folder gets its name. A release that a
        project pins by a checksum has a separate folder, which exists only if `prepare` accepted it. Raises
        ToolIntegrityError, ToolPackageError, RegistryUnreachableError.
        """
        name = f"{release.name.replace('/', '+')}-{release.version}"
        if pin is not None:
            name += f"-{hashlib.sha256(pin.encode()).hexdigest()[:16]}"
        target = self.folder / name
        if target.is_dir():
            os.utime(target)
            return target
        with self._scratch() as scratch:
            archive = scratch / "archive.tgz"
            await self.registry.download(release, archive)
            await asyncio.to_thread(_check_and_unpack, release, archive, scratch / "package")
            if prepare is not None:
                await asyncio.to_thread(prepare, scratch / "package", archive)
            await asyncio.to_thread(make_read_only, scratch / "package")
            archive.unlink()
            await self._make_room(scratch)
            install(scratch / "package", target)
            os.utime(target)
        return target

    async def _make_room(self, new: Path) -> None:
        """Evicts packages, the least recently used first, until all packages and the new package take at most the
        limit. Raises ToolsTooLargeError if too many packages may be in use."""
        sizes: dict[Path, tuple[float, int]] = {}
        for folder in self.folder.iterdir():
            # Another builder may have just finished the package, or begun to remove it.
            with suppress(OSError):
                sizes[folder] = folder.stat().st_mtime, await folder_size(folder)
        total = sum(size for _, size in sizes.values())
        for folder, (used, size) in sorted(sizes.items(), key=lambda item: item[1]):
            if total <= self.limit or time.time() - used < IN_USE:
                break
            with suppress(OSError):
                folder.chmod(0o755)
                folder.rename(new / folder.name)
                total -= size
        if total > self.limit:
            raise ToolsTooLargeError(limit=self.limit)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        scratch = self.folder / f".{secrets.token_hex(8)}"
        scratch.mkdir(mode=0o755)
        try:
            yield scratch
        finally:
            remove(scratch)


def install(folder: Path, target: Path) -> None:
    """Renames a finished folder to its final name, `target`. If another process has created that folder first, its
    folder stays."""
    # A folder without write permission cannot be renamed, even by its owner, because its `..` would change.
    folder.chmod(0o755)
    try:
        folder.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        return
    target.chmod(0o555)


def remove(folder: Path) -> None:
    """Removes a folder, even if its subfolders are read-only."""
    for path, folders, _ in os.walk(folder):
        for name in folders:
            child = Path(path, name)
            if not child.is_symlink():
                child.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def make_read_only(folder: Path) -> None:
    """Removes all write permissions from a folder and its content, and lets every user read them."""
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            file = Path(path, name)
            if not file.is_symlink():
                file.chmod(0o555 if file.stat().st_mode & 0o100 else 0o444)
        Path(path).chmod(0o555)


def check_digest(package: str, path: Path, algorithm: str, digest: bytes) -> None:
    """Computes the digest of a package's file, and compares it with the expected digest. Raises ToolIntegrityError if
    the two differ."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).digest()
    if not hmac.compare_digest(found, digest):
        raise ToolIntegrityError(package=package, algorithm=algorithm)


def _check_and_unpack(release: Release, archive: Path, folder: Path) -> None:
    check_digest(str(release), archive, release.algorithm, release.digest)
    try:
        _unpack(archive, folder)
    except (tarfile.TarError, OSError, EOFError, UnicodeError, ValueError) as error:
        raise ToolPackageError(package=str(release), reason=str(error) or type(error).__name__) from error
    for program in release.programs.values():
        path = folder / _inside(f"package/{program}")
        if path.is_file():
            path.chmod(0o755)


def _unpack(archive: Path, folder: Path) -> None:
    """Writes the regular files of an npm archive into `folder`, without the top folder that all names in the archive
    begin with. Links are skipped."""
    folder.mkdir(mode=0o755)
    size = 0
    with tarfile.open(archive, "r:gz") as tar:
        for count, member in enumerate(tar, 1):
            size += member.size
            if count > MOST_FILES or size > UNPACKED_LIMIT:
                raise ValueError("it is too large")
            content = tar.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            target = folder / _inside(member.name)
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            with content, target.open("wb") as file:
                shutil.copyfileobj(content, file, 1024 * 1024)
            target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _inside(name: str) -> PurePosixPath:
    """Returns the path below the archive's only folder. Raises ValueError if the path leads out of that folder."""
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    if name.startswith("/") or ".." in parts or len(parts) < 2:
        raise ValueError(f"it contains the path {name[:80]!r}")
    return PurePosixPath(*parts[1:])
