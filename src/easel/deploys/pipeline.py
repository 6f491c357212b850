"""The pipeline: what a worker does for one deploy, step by step.

Every step finds its own earlier result and goes on, so a run may be broken off anywhere and started again. Every
transaction first takes the deploy's row and checks that the deploy is still this run's to work on: a run that was
cancelled, or taken over by another worker, changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from msgspec import MsgspecError
from sqlalchemy import select

from easel import clock
from easel.apps.config import allowances, public_settings
from easel.apps.models import App
from easel.bundles.ingest import inspect_file
from easel.bundles.models import Allowances, BundleRef, Inspection, Limits, Manifest, decode_manifest
from easel.deploys.errors import (
    AppGoneError,
    BundleGoneError,
    DeployTimedOutError,
    InternalDeployError,
    SmokeTestFailedError,
)
from easel.deploys.metrics import ENDED, STEP_SECONDS
from easel.deploys.models import Deploy
from easel.deploys.service import FINAL, append_log, end_as_failed
from easel.deploys.smoke import SmokeResult, smoke_test
from easel.environments.errors import EnvironmentNotFoundError
from easel.environments.service import move_pointer
from easel.errors import EaselError, ServiceUnavailableError
from easel.serving.addresses import address, version_environment
from easel.serving.models import Site
from easel.settings import Settings
from easel.storage.database import Database, Transaction
from easel.storage.errors import ObjectMissingError, ObjectTooLargeError
from easel.storage.objects import ObjectStore, Pinned
from easel.storage.queue import BACKGROUND, Queue
from easel.uploads.errors import BundleTooLargeError
from easel.versions.keys import bundle_key, hash_in, manifest_key
from easel.versions.models import Version
from easel.versions.service import Files, Origin, lock_app, record

logger = logging.getLogger(__name__)

OPTIMISE_TASK = "easel.deploys.optimise"


@dataclass(frozen=True, slots=True)
class _Ingested:
    """Where what was made of the bundle lies, until the record step writes it down."""

    bundle_key: str
    manifest_key: str
    warnings: list[str]
    counts: dict[str, int]


class NoLongerOursError(Exception):
    """The deploy ended, or another run has taken it over; this run must change nothing more."""


class StopRequestedError(Exception):
    """The worker is shutting down; the deploy goes on from here at the next start."""


class Pipeline:
    """One run of one deploy."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        queue: Queue,
        settings: Settings,
        deploy_id: str,
        should_stop: Callable[[], bool],
    ) -> None:
        self._database = database
        self._objects = objects
        self._queue = queue
        self._settings = settings
        self._id = deploy_id
        self._should_stop = should_stop
        self._attempt: int | None = None
        self._step = "start"
        self._lines: list[tuple[datetime, str]] = []
        self._timings: dict[str, int] = {}
        self._abandoned = False
        self._ingested: _Ingested | None = None
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
            logger.info("deploy %s is no longer ours in step %s", self._id, self._step)
        except TimeoutError:
            await self.fail(DeployTimedOutError(seconds=self._settings.deploy_deadline, step=self._step))
        except (StopRequestedError, ServiceUnavailableError):
            raise
        except EaselError as error:
            await self.fail(error)
        finally:
            self._abandoned = True

    async def fail(self, error: EaselError) -> None:
        """Ends the deploy as failed, unless it has ended already."""
        try:
            async with self._ours() as (work, deploy):
                deploy.step = self._step
                await self._flush(work, deploy)
                await end_as_failed(work, deploy, error)
            ENDED.labels("failed").inc()
        except NoLongerOursError:
            logger.info("deploy %s had ended before it could fail", self._id)

    async def fail_unexpectedly(self, error: Exception) -> None:
        """Ends the deploy after an error nobody foresaw; what it was is in the server's log."""
        if isinstance(error, ServiceUnavailableError):
            await self.fail(error)
        else:
            await self.fail(InternalDeployError(step=self._step, deploy_id=self._id))

    async def _steps(self) -> None:
        started = await self._start()
        if started is None:
            return
        deploy, allowed = started
        manifest = await self._ingest(deploy, allowed)
        deploy, app = await self._record(manifest)
        await self._smoke_test(deploy, app, manifest)
        await self._move_pointer()
        await self._complete()

    async def _start(self) -> tuple[Deploy, Allowances] | None:
        """Takes the deploy over for this run. None when it has ended already."""
        async with self._database.transaction() as work:
            deploy = await work.session.get(Deploy, self._id, with_for_update=True)
            if deploy is None or deploy.status in FINAL:
                return None
            published = await work.session.scalar(select(App.published).where(App.id == deploy.app_id))
            self._before = await work.session.scalar(
                select(Version.manifest_key)
                .where(Version.app_id == deploy.app_id, Version.manifest_key.is_not(None))
                .order_by(Version.number.desc())
                .limit(1)
            )
            deploy.attempt += 1
            self._timings = dict(deploy.timings)
            if deploy.status == "queued":
                deploy.status = "building"
                deploy.started_at = clock.now()
                self._timings["queued"] = _milliseconds(deploy.started_at.timestamp() - deploy.queued_at.timestamp())
                self._say(f"Deploying to {deploy.environment}")
            else:
                self._say(f"Going on after an interruption (run {deploy.attempt})")
            deploy.step = "start"
            await self._flush(work, deploy)
        # Only what is committed is ours: a start that failed must still be able to fail the deploy.
        self._attempt = deploy.attempt
        return deploy, allowances(published or {})

    async def _ingest(self, deploy: Deploy, allowed: Allowances) -> Manifest:
        """Pin, inspect and ingest: the bundle lies under its hash, the manifest beside it."""
        if deploy.manifest_key is not None:
            return decode_manifest(await self._objects.get(deploy.manifest_key))
        self._border("pin")
        began = time.perf_counter()
        assert deploy.bundle_s3_key is not None
        try:
            # A bucket takes what it is sent, whatever its size.
            limit = self._settings.max_upload_size
            async with self._objects.pin(deploy.bundle_s3_key, limit=limit) as pinned:
                self._took("pin", began)
                self._say(f"Bundle: {_size(pinned.size)}, sha256 {pinned.hash[:12]}")
                self._border("inspect")
                began = time.perf_counter()
                inspection = await self._inspect(pinned, allowed)
                self._took("inspect", began)
                self._border("ingest")
                began = time.perf_counter()
                key = bundle_key(deploy.app_id, pinned.hash)
                await self._objects.adopt(pinned, key)
                manifest = Manifest(
                    bundles=[BundleRef(key=key, hash=pinned.hash, size=pinned.size)], files=inspection.files
                )
        except ObjectMissingError as error:
            raise BundleGoneError() from error
        except ObjectTooLargeError as error:
            raise BundleTooLargeError(limit=limit) from error
        data = manifest.encode()
        manifest_at = manifest_key(deploy.app_id, hashlib.sha256(data).hexdigest())
        await self._objects.put(manifest_at, data)
        self._took("ingest", began)
        self._tell(inspection)
        new = await self._new_bytes(manifest)
        counts = {"files": len(manifest.files), "bytes": manifest.total_size, "new_bytes": new}
        self._ingested = _Ingested(key, manifest_at, inspection.warnings, counts)
        return manifest

    async def _new_bytes(self, manifest: Manifest) -> int:
        """How many bytes of the files are in no file of the app's latest version."""
        try:
            before = decode_manifest(await self._objects.get(self._before)).files if self._before else {}
        except (ObjectMissingError, MsgspecError):
            before = {}
        known = {member.hash for member in before.values()}
        return sum({m.hash: m.size for m in manifest.files.values() if m.hash not in known}.values())

    async def _inspect(self, pinned: Pinned, allowed: Allowances) -> Inspection:
        limits = Limits(
            max_files=self._settings.max_files,
            max_file_size=self._settings.max_file_size,
            max_total_size=self._settings.max_total_size,
        )
        # The thread goes on by itself when this task is cancelled, so it asks whether anybody still waits for it.
        return await asyncio.to_thread(
            inspect_file, pinned.path, limits=limits, allow=allowed, should_stop=lambda: self._abandoned
        )

    def _tell(self, inspection: Inspection) -> None:
        total = sum(member.size for member in inspection.files.values())
        count = len(inspection.files)
        self._say(f"Checked and indexed {count} file{'s' if count != 1 else ''}, {_size(total)} inflated")
        for warning in inspection.warnings:
            self._say(f"Note: {warning}")

    async def _record(self, manifest: Manifest) -> tuple[Deploy, App]:
        """Gives the version its number, in the transaction that records it and what it was made of."""
        self._border("record")
        began = time.perf_counter()
        async with self._ours() as (work, deploy):
            app = await lock_app(work, deploy.app_id, deploy.org_id)
            if app is None:
                raise AppGoneError()
            if self._ingested is not None:
                deploy.bundle_key, deploy.manifest_key = self._ingested.bundle_key, self._ingested.manifest_key
                deploy.warnings = self._ingested.warnings
                deploy.counts = self._ingested.counts
            if deploy.version is None:
                version = await record(work, app, self._origin(deploy), _files(deploy, manifest))
                deploy.version = version.number
                self._say(f"Recorded version {version.number}")
            deploy.step = "record"
            self._took("record", began)
            await self._flush(work, deploy)
            return deploy, app

    def _origin(self, deploy: Deploy) -> Origin:
        return Origin(
            kind="deploy",
            environment=deploy.environment,
            message=deploy.message,
            actor=deploy.queued_by,
            deploy_id=deploy.id,
            build_duration_ms=sum(ms for step, ms in self._timings.items() if step != "queued"),
            source_files_key=deploy.source_files_key,
            git_commit_sha=deploy.git_commit_sha,
            git_commit_message=deploy.git_commit_message,
            git_author=deploy.git_author,
        )

    async def _smoke_test(self, deploy: Deploy, app: App, manifest: Manifest) -> None:
        """Asks the candidate for its entry page through the edge's own rules, before any visitor sees it."""
        self._border("smoke_test")
        began = time.perf_counter()
        self._smoke = await self._ask_candidate(deploy, app, manifest)
        self._took("smoke_test", began)
        if not self._smoke.passed:
            self._say("Smoke test failed")
            raise SmokeTestFailedError(problem=" ".join(self._smoke.errors))
        self._say(f"Smoke test passed in {self._smoke.duration_ms} ms")
        for note in self._smoke.notes:
            self._say(f"Note: {note}")

    async def _ask_candidate(self, deploy: Deploy, app: App, manifest: Manifest) -> SmokeResult:
        assert deploy.version is not None
        indexable, variables = public_settings(app.published)
        site = Site(
            app_id=app.id,
            slug=app.slug,
            environment=deploy.environment,
            version=deploy.version,
            manifest=manifest,
            modified_at=int(clock.now().timestamp()),
            indexable=indexable and deploy.environment == "production",
            variables=variables,
        )
        settings = self._settings
        url = address(
            version_environment(deploy.version),
            app.slug,
            scheme=settings.edge_scheme,
            domain=settings.domain,
            port=settings.public_edge_port,
        )
        return await smoke_test(self._objects, site, url)

    async def _move_pointer(self) -> None:
        """Makes the version live, unless a lock or something accepted later forbids it."""
        self._border("activate")
        began = time.perf_counter()
        async with self._ours() as (work, deploy):
            deploy.step = "activate"
            if deploy.outcome is None:
                await self._ask_to_move(work, deploy)
            self._took("activate", began)
            await self._flush(work, deploy)

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
            self._say(note)
            deploy.warnings = [*deploy.warnings, note]

    async def _complete(self) -> None:
        """Says that it is done: in a transaction of its own, after the edges of this machine know."""
        async with self._ours() as (work, deploy):
            deploy.status = "complete"
            deploy.step = "complete"
            deploy.finished_at = clock.now()
            self._timings["total"] = _milliseconds(deploy.finished_at.timestamp() - deploy.queued_at.timestamp())
            where = f"live in {deploy.environment}" if deploy.outcome == "moved" else "recorded"
            self._say(f"Deploy complete! Version {deploy.version} is {where}.")
            await self._flush(work, deploy)
            assert deploy.manifest_key is not None
            if deploy.outcome == "moved":
                await self._queue.defer(
                    work,
                    OPTIMISE_TASK,
                    queue=BACKGROUND,
                    lock=None,
                    app_id=deploy.app_id,
                    manifest=hash_in(deploy.manifest_key),
                )
        ENDED.labels("complete").inc()

    @asynccontextmanager
    async def _ours(self) -> AsyncIterator[tuple[Transaction, Deploy]]:
        """A transaction that holds the deploy's row, if the deploy is still this run's. Raises NoLongerOursError."""
        async with self._database.transaction() as work:
            deploy = await work.session.get(Deploy, self._id, with_for_update=True)
            if deploy is None or deploy.status in FINAL or self._attempt not in (None, deploy.attempt):
                raise NoLongerOursError
            yield work, deploy

    async def _flush(self, work: Transaction, deploy: Deploy) -> None:
        """Writes what this run has learnt so far into the deploy's row and its log."""
        deploy.timings = dict(self._timings)
        if self._smoke is not None and deploy.smoke_test is None:
            deploy.smoke_test = self._smoke.as_json()
            deploy.warnings = [*deploy.warnings, *self._smoke.notes]
        lines, self._lines = self._lines, []
        await work.session.flush()
        if lines:
            await append_log(work, self._id, lines)

    def _border(self, step: str) -> None:
        """The border before a step: where a stopping worker lets go."""
        self._step = step
        if self._should_stop():
            raise StopRequestedError

    def _say(self, line: str) -> None:
        self._lines.append((clock.now(), line))

    def _took(self, step: str, began: float) -> None:
        took = time.perf_counter() - began
        STEP_SECONDS.labels(step).observe(took)
        self._timings[step] = _milliseconds(took)


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


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _size(count: int) -> str:
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
