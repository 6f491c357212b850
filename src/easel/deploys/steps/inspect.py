"""The step `inspect`: checks and hashes the whole bundle before any part of it is stored."""

from __future__ import annotations

import asyncio
import hashlib

from msgspec import MsgspecError
from rich.filesize import decimal

from easel.apps.config import allowances, rule_settings, with_deploys
from easel.bundles.inspect import inspect_file
from easel.bundles.models import Limits, Manifest, decode_manifest
from easel.bundles.previous_version import PreviousVersion, as_before
from easel.deploys.pages import pages_out_of_reach, pages_without_variables
from easel.deploys.run_row import RunRow
from easel.deploys.steps.step import Run, Step
from easel.deploys.unbuilt import unbuilt_in_settings
from easel.rules.read import complaints, summary
from easel.serving.published import decoded, encoded_site
from easel.settings import Settings
from easel.storage.errors import ObjectMissingError, ObjectNameError
from easel.storage.object_names import hash_in
from easel.storage.objects import ObjectStore, PinnedUpload

_LARGE = 1024 * 1024
"""Size in bytes above which the inspection of a bundle waits for the previous version's manifest. It shows which files
are unchanged and need not be inflated."""


class Inspect(Step):
    """The step that inspects the bundle. It sets the run's `inspection`, and its `warnings` about the app and the
    bundle."""

    name = "inspect"

    def deadline(self, settings: Settings) -> float:
        """Returns the timeout of the step in seconds. It is long enough to inflate every byte of the bundle."""
        return settings.inspect_deadline or settings.step_deadline

    def found(self, run: Run) -> bool:
        """Returns true if an earlier run has already stored the bundle."""
        return run.row.deploy.manifest_key is not None

    async def run(self, run: Run) -> None:
        """Inspects the private copy of the uploaded bundle. Raises the errors of `bundles`."""
        assert run.pinned is not None
        # The manifest of the latest version is read at the same time. Reading it from a bucket takes as long as
        # inspecting a small bundle.
        run.earlier = asyncio.ensure_future(_manifest(run.objects, run.before))
        run.held.callback(run.earlier.cancel)
        before = await _before(run.objects, run.earlier) if run.pinned.size > _LARGE else None
        settings = run.settings
        config = with_deploys(run.app.published, run.row.deploy.build_config)
        limits = Limits(
            max_files=settings.max_files,
            max_file_size=settings.max_file_size,
            max_total_size=settings.max_total_size,
        )
        # The thread goes on after this task is cancelled, so it checks regularly whether its result is still needed.
        inspecting = asyncio.to_thread(
            inspect_file,
            run.pinned.path,
            limits=limits,
            allow=allowances(config, is_built=run.row.deploy.built_key is not None),
            rules=rule_settings(config),
            should_stop=lambda: run.is_abandoned,
            before=before,
        )
        _, inspection = await asyncio.gather(_tell_bundle(run.row, run.pinned), inspecting)
        run.inspection = inspection
        run.warnings = [
            *unbuilt_in_settings(run.app.published),
            *inspection.warnings,
            *pages_without_variables(inspection.files, inspection.vouched, decoded(encoded_site(run.app.site))),
            *(complaints(inspection.rules) if inspection.rules is not None else ()),
        ]
        self._tell(run)

    def _tell(self, run: Run) -> None:
        assert run.inspection is not None
        files = run.inspection.files
        total = sum(member.size for member in files.values())
        run.row.say(
            f"Checked and indexed {len(files)} file{'s' if len(files) != 1 else ''}, {decimal(total)} uncompressed"
        )
        if run.inspection.rules is not None:
            run.row.say(f"Rules: {summary(run.inspection.rules)}")
        unreached = pages_out_of_reach(run.inspection.vouched, decoded(encoded_site(run.app.site)))
        if unreached is not None:
            run.row.say(f"Note: {unreached}")
        for warning in [*run.row.deploy.warnings, *run.warnings]:
            run.row.say(f"Note: {warning}")


async def _tell_bundle(row: RunRow, pinned: PinnedUpload) -> None:
    row.say(f"Bundle: {decimal(pinned.size)}, sha256 {(await pinned.hash())[:12]}")


async def _manifest(objects: ObjectStore, key: str | None) -> Manifest | None:
    """Returns the manifest under this key in the object store. Returns None if there is no key, or if the manifest is
    missing or damaged."""
    try:
        data = await objects.get(key) if key else b""
        return decode_manifest(data) if key and hash_in(key) == hashlib.sha256(data).hexdigest() else None
    except (ObjectMissingError, ObjectNameError, MsgspecError):
        return None


async def _before(objects: ObjectStore, earlier: asyncio.Future[Manifest | None]) -> PreviousVersion | None:
    """Returns the app's previous version, for comparison with the new bundle. Returns None if the bundle of the
    previous version is not on this machine's disk."""
    manifest = await earlier
    path = objects.local_path(manifest.bundles[0].key) if manifest is not None and manifest.bundles else None
    return as_before(manifest, path) if manifest is not None and path is not None else None
