"""The pipeline: what a worker does for one deploy, step by step.

Every step finds its own earlier result and goes on, so a run may be broken off anywhere and started again. Every
transaction ends by writing the deploy's row, if the deploy is still this run's to work on: a run that was cancelled, or
taken over by another worker, changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from easel import clock
from easel.apps.config import allowances, rules_wanted
from easel.bundles.models import Manifest, decode_manifest
from easel.deploys.errors import (
    AppGoneError,
    DeployTimedOutError,
    InternalDeployError,
    SmokeTestFailedError,
)
from easel.deploys.ingesting import Ingested, ingest
from easel.deploys.metrics import ENDED
from easel.deploys.models import Deploy
from easel.deploys.progress import Progress, StopRequestedError, milliseconds
from easel.deploys.run_row import Holding, NoLongerOursError
from easel.deploys.service import fail
from easel.deploys.smoke import SmokeResult, smoke_test
from easel.deploys.unbuilt import unbuilt_in_settings
from easel.environments.errors import EnvironmentNotFoundError
from easel.environments.service import move_pointer
from easel.errors import EaselError, ServiceUnavailableError
from easel.serving.addresses import Addresses
from easel.serving.models import Site
from easel.serving.published import decoded, told
from easel.serving.site_rules import site_rules
from easel.settings import Settings
from easel.storage.database import Database, Transaction
from easel.storage.object_names import hash_in
from easel.storage.objects import ObjectStore
from easel.storage.queue import BACKGROUND, deferred
from easel.versions.service import Files, HeldApp, Origin, record_deployed

logger = logging.getLogger(__name__)

OPTIMISE_TASK = "easel.deploys.optimise"


class Pipeline:
    """One run of one deploy."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        settings: Settings,
        deploy_id: str,
        should_stop: Callable[[], bool],
    ) -> None:
        self._database = database
        self._objects = objects
        self._settings = settings
        self._id = deploy_id
        self._progress = Progress(should_stop, step_deadline=settings.step_deadline)
        self._holding = Holding(database, deploy_id, self._progress)
        self._abandoned = False
        self._ingested: Ingested | None = None
        self._before: str | None = None
        self._smoke: SmokeResult | None = None

    async def run(self) -> None:
        """Takes the deploy to its end, complete or failed.

        Raises StopRequestedError at a step border when the worker stops, and ServiceUnavailableError when database
        or store do not answer: in both cases the deploy is to be run again.
        """
        try:
            async with asyncio.timeout(self._settings.deploy_deadline):
                await self._steps()
        except NoLongerOursError:
            logger.info(
                "deploy %s was cancelled, or another worker has taken it over, in step %s",
                self._id,
                self._progress.step,
            )
        except TimeoutError:
            await self.fail(DeployTimedOutError(seconds=self._settings.deploy_deadline, step=self._progress.step))
        except (StopRequestedError, ServiceUnavailableError):
            raise
        except EaselError as error:
            await self.fail(error)
        finally:
            self._abandoned = True

    async def fail(self, error: EaselError) -> None:
        """Ends the deploy as failed, unless it has ended already; as complete, if all that was left was to say so."""
        try:
            deploy = await self._holding.read()
            if deploy.outcome is not None:
                await self._end_as_complete(deploy)
                return
            deploy.step = self._progress.step
            self._note_smoke_test(deploy)
            self._progress.say(fail(deploy, error))
            await self._holding.write(deploy)
            ENDED.labels("failed").inc()
        except NoLongerOursError:
            logger.info("deploy %s had ended before it could fail", self._id)

    async def fail_unexpectedly(self, error: Exception) -> None:
        """Ends the deploy after an error nobody foresaw; what it was is in the server's log."""
        if isinstance(error, ServiceUnavailableError):
            await self.fail(error)
        else:
            await self.fail(InternalDeployError(step=self._progress.step, deploy_id=self._id))

    async def _steps(self) -> None:
        taken = await self._holding.take()
        if taken is None:
            return
        deploy, app, self._before = taken
        manifest = await self._ingest(deploy, app)
        deploy, app = await self._record(manifest, app)
        await self._smoke_test(deploy, app, manifest)
        await self._move_pointer()
        await self._complete()

    async def _ingest(self, deploy: Deploy, app: HeldApp) -> Manifest:
        """Pin, inspect and ingest: the bundle lies under its hash, the manifest beside it."""
        if deploy.manifest_key is not None:
            return decode_manifest(await self._objects.get(deploy.manifest_key))
        self._ingested = await ingest(
            self._database,
            self._objects,
            self._settings,
            deploy,
            allowances(app.published),
            rules_wanted(app.published),
            self._progress,
            notes=unbuilt_in_settings(app.published),
            published=decoded(told(app.site)),
            before=self._before,
            abandoned=lambda: self._abandoned,
        )
        return self._ingested.manifest

    async def _record(self, manifest: Manifest, app: HeldApp) -> tuple[Deploy, HeldApp]:
        """Gives the version its number, in the transaction that records it and what it was made of."""
        async with self._progress.during("record"), self._holding.ours() as (work, deploy):
            if self._ingested is not None:
                deploy.bundle_key, deploy.manifest_key = self._ingested.bundle_key, self._ingested.manifest_key
                deploy.warnings = [*deploy.warnings, *self._ingested.warnings]
                deploy.counts = self._ingested.counts
            if deploy.version is None:
                recorded = await record_deployed(work, app, self._origin(deploy), _files(deploy, manifest))
                if recorded is None:
                    raise AppGoneError()
                deploy.version, app = recorded
                self._progress.say(f"Recorded version {deploy.version}")
            deploy.step = "record"
        return deploy, app

    def _origin(self, deploy: Deploy) -> Origin:
        return Origin(
            kind="deploy",
            environment=deploy.environment,
            message=deploy.message,
            actor=deploy.queued_by,
            deploy_id=deploy.id,
            build_duration_ms=sum(ms for step, ms in self._progress.timings.items() if step != "queued"),
            source_files_key=deploy.source_files_key,
            git_commit_sha=deploy.git_commit_sha,
            git_commit_message=deploy.git_commit_message,
            git_author=deploy.git_author,
        )

    async def _smoke_test(self, deploy: Deploy, app: HeldApp, manifest: Manifest) -> None:
        """Asks the candidate for its entry page through the edge's own rules, before any visitor sees it."""
        async with self._progress.during("smoke_test"):
            self._smoke = await self._ask_candidate(deploy, app, manifest)
        if not self._smoke.passed:
            self._progress.say("Smoke test failed")
            raise SmokeTestFailedError(problem=" ".join(self._smoke.errors))
        self._progress.say(f"Smoke test passed in {self._smoke.duration_ms} ms")
        for note in self._smoke.notes:
            self._progress.say(f"Note: {note}")

    async def _ask_candidate(self, deploy: Deploy, app: HeldApp, manifest: Manifest) -> SmokeResult:
        assert deploy.version is not None
        site = Site(
            app_id=app.id,
            slug=app.slug,
            environment=deploy.environment,
            version=deploy.version,
            manifest=manifest,
            modified_at=int(clock.now().timestamp()),
            published=decoded(told(app.site)),
            rules=site_rules(manifest.rules) if manifest.rules is not None else None,
        )
        url = Addresses.of(self._settings).version_url(deploy.version, app.slug)
        return await smoke_test(self._objects, site, url)

    async def _move_pointer(self) -> None:
        """Makes the version live, unless a lock or something accepted later forbids it."""
        async with self._progress.during("activate"), self._holding.ours() as (work, deploy):
            deploy.step = "activate"
            self._note_smoke_test(deploy)
            if deploy.outcome is None:
                await self._ask_to_move(work, deploy)

    async def _ask_to_move(self, work: Transaction, deploy: Deploy) -> None:
        assert deploy.version is not None
        try:
            move = await move_pointer(
                work,
                deploy.app_id,
                deploy.org_id,
                deploy.environment,
                deploy.version,
                action="deploy",
                actor=deploy.queued_by,
                sequence=deploy.sequence,
                deploy_id=deploy.id,
            )
        except EnvironmentNotFoundError as error:
            raise AppGoneError() from error
        deploy.outcome = "moved" if move.outcome == "unchanged" else move.outcome
        why = None
        if move.outcome == "locked":
            why = f"{deploy.environment} is locked by {move.locked_by} ({move.lock_reason or 'no reason given'})"
        elif move.outcome == "overtaken":
            why = f"{deploy.environment} was moved by something accepted after this deploy"
        if why is not None:
            note = f"{why}: version {deploy.version} is recorded, and what is live was left as it is."
            self._progress.say(note)
            deploy.warnings = [*deploy.warnings, note]

    async def _complete(self) -> None:
        """Says that it is done: in a transaction of its own, after the edges of this machine know."""
        await self._end_as_complete(await self._holding.read())

    async def _end_as_complete(self, deploy: Deploy) -> None:
        deploy.status = "complete"
        deploy.step = "complete"
        deploy.finished_at = clock.now()
        self._progress.timings["total"] = milliseconds(deploy.finished_at.timestamp() - deploy.queued_at.timestamp())
        where = f"live in {deploy.environment}" if deploy.outcome == "moved" else "recorded"
        self._progress.say(f"Deploy complete! Version {deploy.version} is {where}.")
        then = None
        if deploy.outcome == "moved":
            assert deploy.manifest_key is not None
            manifest = hash_in(deploy.manifest_key)
            then = deferred(OPTIMISE_TASK, queue=BACKGROUND, lock=None, app_id=deploy.app_id, manifest=manifest)
        await self._holding.write(deploy, then=then)
        ENDED.labels("complete").inc()

    def _note_smoke_test(self, deploy: Deploy) -> None:
        if self._smoke is not None and deploy.smoke_test is None:
            deploy.smoke_test = self._smoke.as_json()
            deploy.warnings = [*deploy.warnings, *self._smoke.notes]


def _files(deploy: Deploy, manifest: Manifest) -> Files:
    assert deploy.manifest_key is not None
    return Files(
        manifest_key=deploy.manifest_key,
        files_hash=manifest.content_hash(),
        file_count=len(manifest.files),
        total_bytes=manifest.total_size,
        bundle_key=deploy.bundle_key,
        bundle_name=(deploy.bundle_s3_key or "").rsplit("/", 1)[-1] or None,
    )
