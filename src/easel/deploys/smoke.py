"""The smoke test: requests the entry page of a new version by the edge's own rules, before any visitor sees the
version.

The test fails if the page cannot be served, or if a script is missing that the page needs to start. Such a script is a
module, or has a fingerprint in its name. Other missing files are only reported.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from easel import clock
from easel.bundles.inflate import DamagedDataError
from easel.bundles.models import Manifest
from easel.serving.models import File, Site
from easel.serving.start_check import LOOKED_AT, entry, faults, look
from easel.storage.errors import ObjectMissingError
from easel.storage.objects import ObjectStore

_READ_AT_ONCE = 4 * 1024
"""Maximum size in bytes of a page that is read without a thread, because starting a thread would take longer than
reading."""


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """The result of a smoke test: the failures (`errors`), the notes, and the duration in milliseconds."""

    url: str
    errors: list[str]
    notes: list[str]
    duration_ms: int
    tested_at: str = field(default_factory=lambda: clock.iso(clock.now()) or "")

    @property
    def passed(self) -> bool:
        """Returns true if there were no failures, so that the version may go live."""
        return not self.errors

    def as_json(self) -> dict[str, Any]:
        """Returns the result of the smoke test in the form of the API."""
        return {
            "passed": self.passed,
            "url": self.url,
            "errors": self.errors,
            "duration_ms": self.duration_ms,
            "tested_at": self.tested_at,
        }


def is_tested_at_once(manifest: Manifest) -> bool:
    """Returns true if the smoke test of this version can run without the object store and without a thread. Its entry
    page must be small and in the manifest, and no rule may send the test to another page."""
    home = manifest.files.get(manifest.home)
    return bool(manifest.entry) and manifest.rules is None and home is not None and home.size <= _READ_AT_ONCE


async def smoke_test(objects: ObjectStore, site: Site, url: str) -> SmokeResult:
    """Requests the entry page of a new version (`site`), and the files that the page loads. Raises
    StoreUnavailableError."""
    began = time.perf_counter()
    asked, decision = entry(site)
    page = decision.found
    errors, notes = faults(site, asked, decision)
    if isinstance(page, File) and not errors:
        try:
            data = await _read(objects, site, page)
            if page.member.size <= _READ_AT_ONCE:
                missing, told = look(site, page, data)
            else:
                missing, told = await asyncio.to_thread(look, site, page, data)
        except (ObjectMissingError, DamagedDataError):
            errors.append("its entry page cannot be read from the object store.")
        else:
            errors.extend(missing)
            notes.extend(told)
    return SmokeResult(url, errors, notes, max(0, round((time.perf_counter() - began) * 1000)))


async def _read(objects: ObjectStore, site: Site, page: File) -> bytes:
    """Returns the stored bytes of the page. A large page is read only as far as it is examined."""
    member, manifest = page.member, site.manifest
    if manifest.entry and member is manifest.files.get(manifest.home):
        # An edge would serve the same bytes.
        return manifest.entry
    bundle = manifest.bundles[member.bundle]
    return bytes(await objects.get_range(bundle.key, member.offset, min(member.length, 2 * LOOKED_AT)))
