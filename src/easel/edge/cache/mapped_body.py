"""Bodies in mapped files. They cost no memory of this process, however slow the client is, and the system can send them
from the file's descriptor without a copy."""

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
"""Maximum number of mappings, including the mappings of prepared answers. A system allows a process 65,530."""
_MOST_OPEN: Final = 4096


class MappedBody(msgspec.Struct, frozen=True):
    """A body: mapped bytes, their offset in their file, and the bytes before and after them.

    `descriptor` is the file's descriptor, if the mapping keeps it open. It stays open while the view is in use.
    """

    view: memoryview
    at: int
    descriptor: int | None
    before: bytes = b""
    after: bytes = b""

    @classmethod
    def of(cls, view: memoryview, at: int = 0, before: bytes = b"", after: bytes = b"") -> MappedBody:
        """Returns the body of a view into a mapped file."""
        mapping = view.obj
        return cls(view, at, mapping.descriptor if isinstance(mapping, Mapping) else None, before, after)

    @property
    def length(self) -> int:
        """Returns the length of the body in bytes."""
        return len(self.before) + len(self.view) + len(self.after)


class Mappings:
    """The mappings of a process. Some keep their file's descriptor, up to a share of the process's limit."""

    def __init__(self, folder: Path, reserve: DiskReserve) -> None:
        self._folder = folder
        self._reserve = reserve
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # Each mapping takes two descriptors, and each visitor takes one descriptor.
        self._most_open = _MOST_OPEN if allowed == resource.RLIM_INFINITY else min(_MOST_OPEN, allowed // 8)
        self._all: weakref.WeakSet[object] = weakref.WeakSet()
        self._open: weakref.WeakSet[object] = weakref.WeakSet()

    @property
    def are_many(self) -> bool:
        """Returns true if there are so many mappings that prepared answers must not keep more."""
        return len(self._all) > _MOST

    def file(self, path: Path) -> memoryview:
        """Returns a file's bytes. Raises OSError, and ValueError for an empty file."""
        return self.noted(map_open(path) if len(self._open) < self._most_open else map_file(path))

    def content(self, content: bytes) -> memoryview:
        """Returns these bytes, in an unnamed file if possible: on disk, or in memory while the disk's reserve is
        reached.

        This function can be called in a thread. Pass the result to `noted`.
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
        descriptors are used, because the other half is for longer files."""
        if len(self._open) >= self._most_open // 2:
            return None
        try:
            view = self.noted(map_bytes(content))
        except OSError:
            return None
        return MappedBody.of(view) if isinstance(view.obj, Mapping) else None

    def noted(self, view: memoryview) -> memoryview:
        """Counts the view's mapping from now on, and returns the view."""
        if isinstance(view.obj, Mapping):
            self._open.add(view.obj)
        if not isinstance(view.obj, bytes):
            self._all.add(view.obj)
        return view
