"""Response bodies in memory-mapped files. They cost no memory of this process, however slowly a client reads, and the
system can send them from the file's descriptor without a copy."""

from __future__ import annotations

import resource
import weakref
from pathlib import Path
from typing import Final

import msgspec

from easel.files import Mapping, map_bytes, map_file, map_open
from easel.storage.disk_reserve import DiskReserve
from easel.storage.errors import StorageFullError

_MOST: Final = 16 * 1024
"""Maximum number of memory mappings of this process, including the mappings of prepared answers. Linux allows 65,530
for each process."""
_MOST_OPEN: Final = 4096


class MappedBody(msgspec.Struct, frozen=True):
    """A response body in a memory-mapped file: the mapped bytes (`view`), their offset in the file, and bytes to send
    before and after them.

    `descriptor` is the file's descriptor if the mapping keeps the file open, or else None. The file stays open while
    the view is in use.
    """

    view: memoryview
    at: int
    descriptor: int | None
    before: bytes = b""
    after: bytes = b""

    @classmethod
    def of(cls, view: memoryview, at: int = 0, before: bytes = b"", after: bytes = b"") -> MappedBody:
        """Returns the body that consists of `view`, which begins at the offset `at` of a mapped file, with the bytes to
        send `before` and `after` it."""
        mapping = view.obj
        return cls(view, at, mapping.descriptor if isinstance(mapping, Mapping) else None, before, after)

    @property
    def length(self) -> int:
        """Returns the length of the body in bytes."""
        return len(self.before) + len(self.view) + len(self.after)


class Mappings:
    """The memory mappings of a process. Some of them keep their file's descriptor open, up to a share of the number of
    descriptors that the process may open."""

    def __init__(self, folder: Path, reserve: DiskReserve) -> None:
        self._folder = folder
        self._reserve = reserve
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # Each mapping takes two descriptors, and each connection of a visitor takes one.
        self._most_open = _MOST_OPEN if allowed == resource.RLIM_INFINITY else min(_MOST_OPEN, allowed // 8)
        self._all: weakref.WeakSet[object] = weakref.WeakSet()
        self._open: weakref.WeakSet[object] = weakref.WeakSet()

    @property
    def are_many(self) -> bool:
        """Returns true if this process has so many mappings that it must keep no more for prepared answers."""
        return len(self._all) > _MOST

    def file(self, path: Path) -> memoryview:
        """Returns a view of the memory-mapped file at the path. Raises OSError, and ValueError for an empty file."""
        return self.noted(map_open(path) if len(self._open) < self._most_open else map_file(path))

    def content(self, content: bytes) -> memoryview:
        """Returns these bytes in an unnamed mapped file if possible: on disk, or in memory while the disk's reserve is
        reached.

        This function can be called in a thread. Pass its result to `noted` afterwards, in the event loop.
        """
        if len(self._open) >= self._most_open:
            return memoryview(content)
        folder: Path | None = self._folder
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._reserve.require(len(content))
        except (OSError, StorageFullError):
            folder = None
        return map_bytes(content, folder)

    def copied(self, content: bytes) -> MappedBody | None:
        """Returns these bytes in a file in memory. Returns None if the system has no such files, or if half of the
        allowed descriptors are in use. The other half is left for files on disk."""
        if len(self._open) >= self._most_open // 2:
            return None
        try:
            view = self.noted(map_bytes(content))
        except OSError:
            return None
        return MappedBody.of(view) if isinstance(view.obj, Mapping) else None

    def noted(self, view: memoryview) -> memoryview:
        """Counts the memory mapping behind the view until the mapping is freed. Returns the view."""
        if isinstance(view.obj, Mapping):
            self._open.add(view.obj)
        if not isinstance(view.obj, bytes):
            self._all.add(view.obj)
        return view
