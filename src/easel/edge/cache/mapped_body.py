"""Bodies in mapped files. They cost no memory of this process, however slow the client is, and the system can send them
from the file's descriptor without a copy."""

from __future__ import annotations

import resource
import weakref
from pathlib import Path
from typing import Final, NamedTuple

from easel.files import Mapping, map_bytes, map_file, map_open

_MOST: Final = 16 * 1024
"""Limit of mappings, including those of prepared answers: a system allows a process 65,530."""
_MOST_OPEN: Final = 4096


class MappedBody(NamedTuple):
    """A body: mapped bytes, the bytes before and after them, and the offset of the mapped bytes in their file."""

    before: bytes
    view: memoryview
    after: bytes
    at: int

    @property
    def length(self) -> int:
        """The length of the body in bytes."""
        return len(self.before) + len(self.view) + len(self.after)

    @property
    def descriptor(self) -> int | None:
        """The file's descriptor, if the mapping keeps one. It stays open while the view is in use."""
        mapping = self.view.obj
        return mapping.descriptor if isinstance(mapping, Mapping) else None


class Mappings:
    """The mappings of a process. Some keep their file's descriptor, up to a share of the process's limit."""

    def __init__(self) -> None:
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # Each mapping takes two descriptors, and each visitor takes one.
        self._most_open = _MOST_OPEN if allowed == resource.RLIM_INFINITY else min(_MOST_OPEN, allowed // 8)
        self._all: weakref.WeakSet[object] = weakref.WeakSet()
        self._open: weakref.WeakSet[object] = weakref.WeakSet()

    @property
    def are_many(self) -> bool:
        """Whether there are so many mappings that answers must not keep more."""
        return len(self._all) > _MOST

    def file(self, path: Path) -> memoryview:
        """A file's bytes. Raises OSError, and ValueError for an empty file."""
        return self._noted(map_open(path) if len(self._open) < self._most_open else map_file(path))

    def content(self, content: bytes) -> memoryview:
        """These bytes, in an unnamed file if possible."""
        return self._noted(map_bytes(content)) if len(self._open) < self._most_open else memoryview(content)

    def _noted(self, view: memoryview) -> memoryview:
        if isinstance(view.obj, Mapping):
            self._open.add(view.obj)
        if not isinstance(view.obj, bytes):
            self._all.add(view.obj)
        return view
