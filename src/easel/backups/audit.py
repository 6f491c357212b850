"""Verifies that the object store still has every object that the database refers to, byte for byte. Nothing is
written."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from easel.backups import records
from easel.backups.errors import AppUnknownError
from easel.backups.objects import CHANGED, MISNAMED, MISSING, each, has_changed, is_named
from easel.backups.records import NeededObject
from easel.serving.addresses import PRODUCTION
from easel.serving.variants import VariantsCheck
from easel.storage.errors import ObjectMissingError, StoreUnavailableError
from easel.storage.migrate import reached
from easel.storage.object_names import names_variants
from easel.storage.objects import ObjectStore

APPS_AT_ONCE = 20
"""Number of apps whose objects are listed in memory at once, so that memory stays bounded even with a million apps."""
SAY_EVERY = 5.0
"""Seconds between two progress messages."""
_JUST_NOW = timedelta(minutes=1)
"""Time before the audit's start in which the move of a pointer may not have been committed yet."""

What = Literal["missing", "damaged", "unreadable", "misnamed"]
"""The kinds of faults of an object. `unreadable` means that this object cannot be read, although other objects can be
read. `misnamed` means that its key has a wrong form."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """A missing or damaged object, and the versions that need it.

    `environments` are the environments that serve the object. `versions` and `pruned` are the numbers of the versions
    that contain the object. A pruned version needs only the record of its content. `reason` continues a sentence that
    begins with the object's key.
    """

    key: str
    what: What
    reason: str
    app_id: str
    slug: str
    environments: list[str]
    versions: list[int]
    pruned: list[int]


@dataclass
class AuditResult:
    """The result of an audit: the number of objects read, the bytes of intact objects, and all faults. Faults that
    visitors can notice come first."""

    objects: int = 0
    bytes: int = 0
    faults: list[Fault] = field(default_factory=list)


async def verify(
    url: str, objects: ObjectStore, *, named: str | None, say: Say, found: Callable[[Fault], None]
) -> AuditResult:
    """Reads every object that the database refers to, or only the objects of the app with the slug or id `named`, and
    verifies their hashes. Objects of served versions come first.

    Easel may run at the same time. Objects that are recorded during the audit may be left out. `found` is called at
    once for each fault. Memory holds pieces of the few objects that are being read, the records of a few apps, and the
    faults. Raises AppUnknownError, DatabaseUnavailableError, and StoreUnavailableError if the whole store is
    unreachable.
    """
    with reached():
        began = await records.moment(url) - _JUST_NOW
        if named is not None and not await records.apps_after(url, "", 1, named=named):
            raise AppUnknownError(app=named)
    run = _Run(url, objects, began, say, found)
    for live in (True, False):
        say("Reading the objects that environments serve …" if live else "Reading all other objects …")
        async for apps in _batches(url, named):
            await run.look_at(apps, live=live)
    run.made.faults.sort(key=lambda fault: (not fault.environments, PRODUCTION not in fault.environments))
    return run.made


async def _batches(url: str, named: str | None) -> AsyncIterator[list[str]]:
    after = ""
    while True:
        with reached():
            apps = await records.apps_after(url, after, APPS_AT_ONCE, named=named)
        if not apps:
            return
        yield apps
        after = apps[-1]


class _Run:
    """The state of one audit while it reads the objects."""

    def __init__(
        self, url: str, objects: ObjectStore, began: datetime, say: Say, found: Callable[[Fault], None]
    ) -> None:
        self._url = url
        self._objects = objects
        self._began = began
        self._say = say
        self._found = found
        self._said = time.monotonic()
        self._known: set[str] = set()
        """The keys of objects whose fault is already reported."""
        self._lately: set[str] = set()
        """The keys of objects that the first pass has read, although environments have served them only for a short
        time."""
        self.made = AuditResult()

    async def look_at(self, apps: list[str], *, live: bool) -> None:
        """Reads the objects that the environments of these apps serve (`live`), or all other objects that the apps
        need."""
        suspects: set[str] = set()

        async def read(needed: NeededObject) -> None:
            size = await self._read(needed.key)
            if isinstance(size, int):
                self.made.objects += 1
                self.made.bytes += size
            else:
                suspects.add(needed.key)
            self._tell()

        wanted = [one for one in await self._needed(apps) if (one.environments if live else self._is_left(one))]
        if live:
            self._lately |= {one.key for one in wanted if not one.served_before}
        await each(wanted, read)
        if suspects:
            await self._confirm(apps, suspects)

    def _is_left(self, needed: NeededObject) -> bool:
        """Returns true if the object is left for the second pass. The first pass reads all objects that environments
        have served for more than a minute."""
        return not needed.served_before and needed.key not in self._lately

    async def _confirm(self, apps: list[str], suspects: set[str]) -> None:
        """Checks those objects a second time that seemed faulty. In the meantime, a version may have been pruned, an
        app deleted, or a missing object restored."""

        async def read(needed: NeededObject) -> None:
            fault = await self._read(needed.key)
            self.made.objects += 1
            if isinstance(fault, int):
                self.made.bytes += fault
                return
            what, reason = fault
            self._known.add(needed.key)
            told = Fault(
                needed.key,
                what,
                reason,
                needed.app_id,
                needed.slug,
                needed.environments,
                needed.versions,
                needed.pruned,
            )
            self.made.faults.append(told)
            self._found(told)

        again = await self._needed(apps)
        await each((one for one in again if one.key in suspects and one.key not in self._known), read)

    async def _needed(self, apps: list[str]) -> list[NeededObject]:
        with reached():
            return await records.needed_by(self._url, apps, self._began)

    async def _read(self, key: str) -> int | tuple[What, str]:
        """Returns the object's size in bytes if it is intact. Otherwise, returns its fault."""
        if not is_named(key):
            return "misnamed", MISNAMED
        try:
            if names_variants(key):
                return await self._read_variants(key)
            digest, size = hashlib.sha256(), 0
            async for piece in self._objects.pieces(key):
                # The hash is computed in a thread, so that all cores work.
                await asyncio.to_thread(digest.update, piece)
                size += len(piece)
            return ("damaged", CHANGED) if has_changed(key, digest.hexdigest()) else size
        except ObjectMissingError:
            return "missing", MISSING
        except StoreUnavailableError as error:
            # An unreadable object is a separate fault, unless the whole store is unreachable.
            await self._objects.check()
            return "unreadable", f"cannot be read ({error.details.get('reason', error.message)})"

    async def _read_variants(self, key: str) -> int | tuple[What, str]:
        check, size = VariantsCheck(), 0
        try:
            async for piece in self._objects.pieces(key):
                await asyncio.to_thread(check.feed, piece)
                size += len(piece)
            check.finish()
        except ValueError as error:
            return "damaged", f"is damaged: {error}"
        return size

    def _tell(self) -> None:
        if time.monotonic() - self._said >= SAY_EVERY:
            self._said = time.monotonic()
            self._say(f"Objects read: {self.made.objects:,}, {self.made.bytes / 1e6:,.0f} MB")
