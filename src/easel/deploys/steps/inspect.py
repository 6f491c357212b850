"""Inspect: everything about the bundle is checked and hashed, before any of it is stored."""

from __future__ import annotations

import asyncio

from msgspec import MsgspecError
from rich.filesize import decimal

from easel.apps.config import allowances, rules_wanted, with_deploys
from easel.bundles.inspect import inspect_file
from easel.bundles.models import Limits, Member, decode_manifest
from easel.deploys.pages import pages_without_variables
from easel.deploys.steps.step import Run, Step
from easel.deploys.unbuilt import unbuilt_in_settings
from easel.rules.read import complaints, summary
from easel.serving.published import decoded, told
from easel.settings import Settings
from easel.storage.errors import ObjectMissingError
from easel.storage.objects import ObjectStore


class Inspect(Step):
    """Sets the run's `inspection`, and its `warnings` about the app and its bundle."""

    name = "inspect"

    def deadline(self, settings: Settings) -> float:
        """Every byte of the bundle is inflated."""
        return settings.inspect_deadline or settings.step_deadline

    def found(self, run: Run) -> bool:
        """Whether it is ingested already."""
        return run.row.deploy.manifest_key is not None

    async def run(self, run: Run) -> None:
        """Raises the errors of `bundles`."""
        assert run.pinned is not None
        # Read in parallel: from a bucket, this takes as long as inspecting a small bundle.
        run.earlier = asyncio.ensure_future(_files_of(run.objects, run.before))
        run.held.callback(run.earlier.cancel)
        settings = run.settings
        config = with_deploys(run.app.published, run.row.deploy.build_config)
        limits = Limits(
            max_files=settings.max_files,
            max_file_size=settings.max_file_size,
            max_total_size=settings.max_total_size,
        )
        # The thread continues when this task is cancelled, so it checks whether its result is still needed.
        run.inspection = await asyncio.to_thread(
            inspect_file,
            run.pinned.path,
            limits=limits,
            allow=allowances(config),
            rules=rules_wanted(config),
            should_stop=lambda: run.is_abandoned,
        )
        run.warnings = [
            *unbuilt_in_settings(run.app.published),
            *run.inspection.warnings,
            *pages_without_variables(run.inspection.files, run.inspection.vouched, decoded(told(run.app.site))),
            *(complaints(run.inspection.rules) if run.inspection.rules is not None else ()),
        ]
        self._tell(run)

    def _tell(self, run: Run) -> None:
        assert run.inspection is not None
        files = run.inspection.files
        total = sum(member.size for member in files.values())
        run.row.say(f"Checked and indexed {len(files)} file{'s' if len(files) != 1 else ''}, {decimal(total)} inflated")
        if run.inspection.rules is not None:
            run.row.say(f"Rules: {summary(run.inspection.rules)}")
        for warning in [*run.row.deploy.warnings, *run.warnings]:
            run.row.say(f"Note: {warning}")


async def _files_of(objects: ObjectStore, manifest: str | None) -> dict[str, Member]:
    """The files of a manifest, empty if it is missing or damaged."""
    try:
        return decode_manifest(await objects.get(manifest)).files if manifest else {}
    except (ObjectMissingError, MsgspecError):
        return {}
