"""The previous version of an app. If a file's bytes in the zip are unchanged since that version, all facts about the
file are already known."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from easel import __version__
from easel.bundles.directory import Entry
from easel.bundles.models import NO_PLACE, Manifest, Member


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """The files of the app's previous version, and the one bundle that contains all of them."""

    files: Mapping[str, Member]
    bundle: mmap.mmap

    def unchanged(self, path: str, entry: Entry, raw: memoryview) -> Member | None:
        """Returns the previous version's file at this path if its bytes (`raw`), sizes and CRC are the same. Returns
        None otherwise.

        Equal bytes inflate to equal content. Whether a page has a place for a script may depend on another file, so a
        page without a place is read again.
        """
        known = self.files.get(path)
        if (
            known is None
            or known.marks is None
            or known.place == NO_PLACE
            or (known.size, known.crc, known.method, known.length) != (entry.size, entry.crc, entry.method, len(raw))
            or self.bundle[known.offset : known.offset + known.length] != raw.tobytes()
        ):
            return None
        return known


def as_before(manifest: Manifest, bundle: Path) -> PreviousVersion | None:
    """Returns the previous version with this manifest, whose only bundle is the file at the path `bundle`. Returns None
    if the file is missing, or if another release of Easel inspected the version, because that release may have applied
    other rules."""
    if manifest.inspected_by != __version__ or len(manifest.bundles) != 1:
        return None
    try:
        with bundle.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    return PreviousVersion(manifest.files, mapped) if len(mapped) == manifest.bundles[0].size else None
