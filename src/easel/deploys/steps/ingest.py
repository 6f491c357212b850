"""The step `ingest`: stores the bundle and its manifest, each under the hash of its bytes."""

from __future__ import annotations

import asyncio
import hashlib

from easel import __version__
from easel.bundles.models import ENTRY_LARGEST, BundleRef, Inspection, Manifest, Member
from easel.deploys.pages import files_that_visitors_keep
from easel.deploys.steps.step import IngestedBundle, Run, Step
from easel.settings import Settings
from easel.storage.object_names import bundle_key, manifest_key
from easel.storage.objects import ObjectStore, PinnedUpload
from easel.versions.immutable import with_immutable


class Ingest(Step):
    """The step that stores the bundle and its manifest. It sets the run's `ingested`, and releases the private copy of
    the upload."""

    name = "ingest"

    def deadline(self, settings: Settings) -> float:
        """Returns the timeout of the step in seconds. It is long enough to send a large bundle to a bucket."""
        return settings.ingest_deadline or settings.step_deadline

    def found(self, run: Run) -> bool:
        """Returns true if an earlier run has already stored both objects and recorded their keys."""
        return run.row.deploy.manifest_key is not None

    async def run(self, run: Run) -> None:
        """Stores the bundle and its manifest. Raises StorageFullError, StoreUnavailableError, and database errors."""
        assert run.pinned is not None
        assert run.inspection is not None
        assert run.earlier is not None
        deploy, inspection = run.row.deploy, run.inspection
        before = await run.earlier
        earlier = before.files if before is not None else {}
        kept = files_that_visitors_keep(inspection.files, inspection.precached, earlier)
        if kept is not None:
            run.warnings = [*run.warnings, kept]
            run.row.say(f"Note: {kept}")
        files = await with_immutable(
            run.database, deploy.org_id, deploy.app_id, inspection.files, inspection.may_be_hashed, earlier
        )
        manifest, bundle_at, manifest_at = await _store(run.objects, deploy.app_id, run.pinned, files, inspection)
        counts = {
            "files": len(files),
            "bytes": manifest.total_size,
            "new_bytes": _new_bytes(files, earlier),
        }
        run.ingested = IngestedBundle(manifest, bundle_at, manifest_at, counts)
        await run.held.aclose()


async def _store(
    objects: ObjectStore, app_id: str, pinned: PinnedUpload, files: dict[str, Member], inspection: Inspection
) -> tuple[Manifest, str, str]:
    sha256 = await pinned.hash()
    bundle_at = bundle_key(app_id, sha256)
    bundle = BundleRef(key=bundle_at, hash=sha256, size=pinned.size)
    manifest = Manifest(
        [bundle],
        files,
        _entry(pinned, files.get(inspection.home)),
        inspection.has_worker,
        inspection.rules,
        inspection.home,
        inspection.is_one_page,
        __version__,
    )
    data = manifest.encode()
    manifest_at = manifest_key(app_id, hashlib.sha256(data).hexdigest())
    # Both keys are hashes, so the order of the writes does not matter. Both writes must end before an error is raised,
    # because nothing would wait for a pending write.
    stored = await asyncio.gather(
        objects.adopt(pinned, bundle_at), objects.put(manifest_at, data), return_exceptions=True
    )
    for one in stored:
        if isinstance(one, BaseException):
            raise one
    return manifest, bundle_at, manifest_at


def _entry(pinned: PinnedUpload, member: Member | None) -> bytes:
    if member is None or member.length > ENTRY_LARGEST:
        return b""
    with pinned.path.open("rb") as bundle:
        bundle.seek(member.offset)
        return bundle.read(member.length)


def _new_bytes(files: dict[str, Member], earlier: dict[str, Member]) -> int:
    """Returns the total size (bytes) of the files whose content is not in the app's latest version (`earlier`)."""
    known = {member.hash for member in earlier.values()}
    return sum({m.hash: m.size for m in files.values() if m.hash not in known}.values())
