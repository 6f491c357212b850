"""The freshness page: tells every edge process on this machine at once that a pointer moved.

The page is a file of 4,096 counters, mapped by all processes of the machine. A process that commits a change increments
the app's counter after the commit and before its response. An edge compares the counter with its value before the
edge's last query of the database. The comparison costs nanoseconds, needs no message to arrive, and works even for a
process that was frozen. NOTIFY only makes the edges query earlier.
"""

from __future__ import annotations

import mmap
import os
import zlib
from pathlib import Path

SLOTS = 4096
HOSTS_SLOT = 0
"""The number of the counter that is incremented whenever the set of host names changes."""


def slot_of(app_id: str) -> int:
    """Returns the number of the counter of an app: 1 to 4095. Two apps may share a counter. This may cause an
    unnecessary query, but never a stale response."""
    return 1 + zlib.crc32(app_id.encode()) % (SLOTS - 1)


class FreshnessPage:
    """The machine's page of counters, mapped into memory. `view[slot]` is a counter, and only `bump` writes it.

    Two processes that increment the same counter at once may write the same number. This is harmless, because both had
    committed before either read the counter. An edge that sees the new number and queries the database therefore sees
    both changes.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < SLOTS * 8:
                os.ftruncate(descriptor, SLOTS * 8)
            if hasattr(os, "posix_fallocate"):
                # The blocks of the file are allocated, because on a full disk, a write to an unallocated block would
                # kill the process.
                os.posix_fallocate(descriptor, 0, SLOTS * 8)
            self._map = mmap.mmap(descriptor, SLOTS * 8)
        finally:
            os.close(descriptor)
        self.view: memoryview[int] = memoryview(self._map).cast("Q")

    def bump(self, slot: int) -> None:
        """Increments the counter in this slot, so that every process on this machine sees that something has
        changed."""
        self.view[slot] = (self.view[slot] + 1) & 0xFFFF_FFFF_FFFF_FFFF
