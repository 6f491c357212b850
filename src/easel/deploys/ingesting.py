"""The steps that make a version's bundle and manifest of what was uploaded: pin, inspect, ingest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from msgspec import MsgspecError
from rich.filesize import decimal

from easel.bundles.inspect import inspect_file
from easel.bundles.models import (
    ENTRY_LARGEST,
    Allowances,
    BundleRef,
    Inspection,
    Limits,
    Manifest,
    Member,
    decode_manifest,
)
from easel.bundles.root import ENTRY_POINT
from easel.deploys.errors import BundleGoneError
from easel.deploys.models import Deploy
from easel.deploys.pages import pages_without_variables
from easel.deploys.progress import Progress
from easel.rules.models import Wanted
from easel.rules.read import complaints, summary
from easel.serving.published import PublishedSite
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.errors import ObjectMissingError, ObjectTooLargeError
from easel.storage.object_names import bundle_key, manifest_key
from easel.storage.objects import ObjectStore, Pinned
from easel.storage.translation import translated
from easel.uploads.errors import BundleTooLargeError
from easel.versions.immutable import with_immutable


@dataclass(frozen=True, slots=True)
class Ingested:
    """What was made of the bundle and where it lies, until the record step writes it down."""

    manifest: Manifest
    bundle_key: str
    manifest_key: str
    warnings: list[str]
    counts: dict[str, int]


async def ingest(
    database: Database,
    objects: ObjectStore,
    settings: Settings,
    deploy: Deploy,
    allowed: Allowances,
    rules: Wanted,
    progress: Progress,
    *,
    notes: list[str],
    published: PublishedSite,
    before: str | None,
    abandoned: Callable[[], bool],
) -> Ingested:
    """Pins the upload, checks and indexes it, and stores bundle and manifest under their hashes.

    `notes` are warnings about the app, which are told with those about the bundle. `published` is what
    the app tells its pages.
    `before` is the manifest of the app's latest version, `abandoned` says that nobody waits any more. Raises
    StopRequestedError, StepTimedOutError, BundleGoneError, BundleTooLargeError, the errors of `bundles` and the store.
    """
    assert deploy.bundle_s3_key is not None
    # A bucket takes what it is sent, whatever its size.
    limit = settings.max_upload_size
    with translated(deploy.bundle_s3_key):
        objects.reserve.require()
    async with AsyncExitStack() as held:
        try:
            async with progress.during("pin"):
                pinned = await held.enter_async_context(objects.pin(deploy.bundle_s3_key, limit=limit))
        except ObjectMissingError as error:
            raise BundleGoneError() from error
        except ObjectTooLargeError as error:
            raise BundleTooLargeError(limit=limit) from error
        progress.say(f"Bundle: {decimal(pinned.size)}, sha256 {pinned.hash[:12]}")
        # Read meanwhile: from a bucket that takes as long as a small bundle's inspection.
        reading = asyncio.ensure_future(_files_of(objects, before))
        held.callback(reading.cancel)
        async with progress.during("inspect"):
            inspection = await _inspect(pinned, settings, allowed, rules, abandoned)
        async with progress.during("ingest"):
            earlier = await reading
            files = await with_immutable(
                database, deploy.org_id, deploy.app_id, inspection.files, inspection.may_be_hashed, earlier
            )
            manifest, bundle_at, manifest_at = await _store(objects, deploy, pinned, files, inspection)
    unchanged = pages_without_variables(files, inspection.vouched, published)
    of_rules = complaints(inspection.rules) if inspection.rules is not None else []
    warnings = [*notes, *inspection.warnings, *unchanged, *of_rules]
    _tell(progress, inspection, [*deploy.warnings, *warnings])
    counts = {
        "files": len(manifest.files),
        "bytes": manifest.total_size,
        "new_bytes": _new_bytes(manifest.files, earlier),
    }
    return Ingested(manifest, bundle_at, manifest_at, warnings, counts)


async def _store(
    objects: ObjectStore, deploy: Deploy, pinned: Pinned, files: dict[str, Member], inspection: Inspection
) -> tuple[Manifest, str, str]:
    bundle_at = bundle_key(deploy.app_id, pinned.hash)
    bundle = BundleRef(key=bundle_at, hash=pinned.hash, size=pinned.size)
    manifest = Manifest([bundle], files, _entry(pinned, files), inspection.has_worker, inspection.rules)
    data = manifest.encode()
    manifest_at = manifest_key(deploy.app_id, hashlib.sha256(data).hexdigest())
    # They are known by their hashes, so it does not matter which of them is there first. All of them have ended before
    # this fails: nobody would be left to wait for what is still being written.
    stored = await asyncio.gather(
        objects.adopt(pinned, bundle_at), objects.put(manifest_at, data), return_exceptions=True
    )
    for one in stored:
        if isinstance(one, BaseException):
            raise one
    return manifest, bundle_at, manifest_at


def _entry(pinned: Pinned, files: dict[str, Member]) -> bytes:
    member = files.get(ENTRY_POINT)
    if member is None or member.length > ENTRY_LARGEST:
        return b""
    with pinned.path.open("rb") as bundle:
        bundle.seek(member.offset)
        return bundle.read(member.length)


async def _inspect(
    pinned: Pinned, settings: Settings, allowed: Allowances, rules: Wanted, abandoned: Callable[[], bool]
) -> Inspection:
    limits = Limits(
        max_files=settings.max_files,
        max_file_size=settings.max_file_size,
        max_total_size=settings.max_total_size,
    )
    # The thread goes on by itself when this task is cancelled, so it asks whether anybody still waits for it.
    return await asyncio.to_thread(
        inspect_file, pinned.path, limits=limits, allow=allowed, rules=rules, should_stop=abandoned
    )


def _tell(progress: Progress, inspection: Inspection, warnings: Sequence[str]) -> None:
    total = sum(member.size for member in inspection.files.values())
    count = len(inspection.files)
    progress.say(f"Checked and indexed {count} file{'s' if count != 1 else ''}, {decimal(total)} inflated")
    if inspection.rules is not None:
        progress.say(f"Rules: {summary(inspection.rules)}")
    for warning in warnings:
        progress.say(f"Note: {warning}")


async def _files_of(objects: ObjectStore, manifest: str | None) -> dict[str, Member]:
    """The files of a manifest, none where it is gone or damaged."""
    try:
        return decode_manifest(await objects.get(manifest)).files if manifest else {}
    except (ObjectMissingError, MsgspecError):
        return {}


def _new_bytes(files: dict[str, Member], earlier: dict[str, Member]) -> int:
    """How many bytes of the files are in no file of the app's latest version."""
    known = {member.hash for member in earlier.values()}
    return sum({m.hash: m.size for m in files.values() if m.hash not in known}.values())
