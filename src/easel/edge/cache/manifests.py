"""A cache on disk of manifests from a bucket, which all edges of a machine share. It is kept because a cached bundle is
useless without its manifest."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from threading import Lock

from easel.edge import weights
from easel.storage.disk_reserve import DiskReserve
from easel.storage.errors import StorageFullError

_MOST = 32768
"""Maximum number of cached manifests, however small they are."""


class ManifestCache:
    """A cache of manifests by their hashes (SHA-256, hex), with at most `budget` bytes in total.

    Each file is verified against its hash when it is read, so a damaged file is never served. The cache can be lost.
    """

    def __init__(self, folder: Path, *, budget: int, reserve: DiskReserve | None = None) -> None:
        self._folder = folder
        self._reserve = reserve
        self._budget = budget
        self._sizes: OrderedDict[str, int] | None = None
        self._bytes = 0
        self._lock = Lock()

    @property
    def weight(self) -> int:
        """Returns the approximate memory (bytes) of the cache's index."""
        return weights.LEFT * len(self._sizes or ())

    def get(self, manifest: str) -> bytes | None:
        """Returns the encoded manifest with this hash. Returns None if it is not cached."""
        try:
            data = (self._folder / manifest).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != manifest:
            (self._folder / manifest).unlink(missing_ok=True)
            return None
        return data

    def put(self, manifest: str, data: bytes) -> None:
        """Caches the encoded manifest if there is disk space. Evicts the oldest manifests if the cache is full."""
        if len(data) <= self._budget:
            with self._lock:
                self._put(manifest, data)

    def _put(self, manifest: str, data: bytes) -> None:
        written = self._folder / f"{manifest}.{os.getpid()}"
        try:
            if self._reserve is not None:
                self._reserve.require(len(data))
            sizes = self._known()
            written.write_bytes(data)
            written.replace(self._folder / manifest)
        except (OSError, StorageFullError):
            with suppress(OSError):
                written.unlink()
            return
        # The file of an indexed manifest may be missing, because it was damaged or another process evicted it.
        self._bytes -= sizes.pop(manifest, 0)
        sizes[manifest] = len(data)
        self._bytes += len(data)
        while self._bytes > self._budget or len(sizes) > _MOST:
            first, size = sizes.popitem(last=False)
            self._bytes -= size
            with suppress(OSError):
                (self._folder / first).unlink()

    def _known(self) -> OrderedDict[str, int]:
        if self._sizes is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            found = []
            for entry in os.scandir(self._folder):
                with suppress(OSError):
                    if "." in entry.name:
                        # This file is incomplete. Its process was killed, or is writing the file now. In the second
                        # case, that process loses the file, which does no harm.
                        os.unlink(entry.path)
                    else:
                        found.append((entry.stat().st_mtime, entry.name, entry.stat().st_size))
            self._sizes = OrderedDict((name, size) for _, name, size in sorted(found))
            self._bytes = sum(self._sizes.values())
        return self._sizes
