"""The builder's part of a deploy: it builds the source, stores the bundle, and passes the deploy on to a worker.

Any builder can repeat an interrupted run from the beginning. A run that has passed the deploy on is not repeated,
because the bundle is stored, and the deploy's row refers to it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from easel.builds.build import build
from easel.builds.cache.cache import BuildCache
from easel.builds.errors import BuildsOffError
from easel.builds.failures import BuildStoppedError
from easel.builds.report import BuildReport, BuildResult
from easel.builds.sandbox.sandbox import Sandbox
from easel.builds.secrets import Masking
from easel.deploys.building.build_row import SETTINGS, BuildRow
from easel.deploys.building.environment import BuildInputs, inputs_of
from easel.deploys.building.parts import BuilderServices
from easel.deploys.building.source import fetch_commit, keep_sources, unpack_upload
from easel.deploys.building.store_bundle import log_line, packed, report_of, store
from easel.deploys.deploy_row import DeployRow
from easel.deploys.errors import (
    AppGoneError,
    BuildDeadlineError,
    BuildGivenUpError,
    DeploySkippedError,
    InternalDeployError,
)
from easel.deploys.metrics import BUILDS_ENDED, ENDED, SKIPPED
from easel.deploys.phases import GIT, next_job
from easel.deploys.run_row import NoLongerOursError, StopRequestedError
from easel.deploys.service import fail, note_build_time
from easel.deploys.states import BUILT, FAILED
from easel.errors import EaselError, ServiceUnavailableError
from easel.storage.transient_errors import is_transient

logger = logging.getLogger(__name__)


TELL_EVERY: Final = 0.25
"""Seconds between two writes of a build's log lines. Without new lines, every second write only checks whether the
deploy still belongs to this run."""
COUNT_EVERY: Final = 30.0
"""Interval in seconds at which a running build's time is counted for its organisation. After a builder is killed, no
more time is counted."""
LAST_LINES_WITHIN: Final = 5.0
"""Timeout in seconds for writing the last lines of the log after the build."""
OUTAGE: Final = 300.0
"""Seconds for which a builder retries to store the result of a build while database or object store are unreachable."""
LONGEST_PAUSE: Final = 8.0
MOST_BUILDS: Final = 20
"""Maximum number of times that builders start one deploy. Without this limit, a build that kills its builders would be
repeated for ever."""

T = TypeVar("T")
Build = Callable[..., Awaitable[BuildResult]]
"""`easel.builds.build.build`, or a replacement for it."""


class BuildRun:
    """One attempt of a builder to build the source of a deploy."""

    def __init__(
        self,
        parts: BuilderServices,
        deploy_id: str,
        should_stop: Callable[[], bool],
        find_sandbox: Callable[[], Sandbox],
        *,
        build: Build = build,
    ) -> None:
        self._find_sandbox = find_sandbox
        self._build_with = build
        self._parts = parts
        self._id = deploy_id
        self._should_stop = should_stop
        self._row = BuildRow(parts.database, deploy_id)
        self._over = asyncio.Event()
        self._runs_commands = False
        self._report: BuildReport | None = None
        self._is_handed_on = False
        self._counted = time.monotonic()

    async def run(self, attempts: int) -> None:
        """Builds the deploy's source and passes the deploy on to a worker, or ends the deploy as failed. `attempts` is
        the number of earlier runs of its job.

        Raises StopRequestedError when the builder stops, and ServiceUnavailableError and database errors when database
        or object store are unreachable. In these cases, another run must build the deploy.
        """
        self._counted = time.monotonic()
        try:
            taken = await self._row.take()
            if taken is None:
                return
            if attempts >= MOST_BUILDS:
                raise BuildGivenUpError(runs=attempts)
            try:
                await self._watched(self._build_in_time(taken.app.slug))
            finally:
                await self._count_time()
        except NoLongerOursError:
            logger.info("deploy %s was cancelled, or another builder has taken it over", self._id)
        except (StopRequestedError, ServiceUnavailableError):
            raise
        except EaselError as error:
            await self.fail(error)

    async def _count_time(self) -> None:
        """Adds the time since the last call to the organisation's build time, even if the build fails."""
        now = time.monotonic()
        try:
            await note_build_time(self._parts.database, self._row.deploy.org_id, now - self._counted)
            self._counted = now
        except Exception as error:
            logger.warning("the build time of deploy %s could not be counted: %s", self._id, error)

    async def fail(self, error: EaselError) -> None:
        """Ends the deploy as failed with this error, unless it has ended or was passed on. Raises database errors."""
        if self._is_handed_on:
            logger.warning("the caches of the build of deploy %s could not be saved: %s", self._id, error)
            return

        def change(deploy: DeployRow) -> str:
            deploy.step = self._row.step
            return fail(deploy, error)

        self._row.end_output()
        ended = SKIPPED if isinstance(error, DeploySkippedError) else FAILED
        try:
            await self._firmly(lambda: self._row.write(change))
            BUILDS_ENDED.labels(ended).inc()
            ENDED.labels(ended).inc()
        except NoLongerOursError:
            logger.info("deploy %s could not be marked as failed, because it had already ended", self._id)

    async def fail_unexpectedly(self, error: Exception) -> None:
        """Ends the deploy after an unexpected error, and logs the error."""
        if isinstance(error, ServiceUnavailableError):
            await self.fail(error)
        else:
            await self.fail(InternalDeployError(step=self._row.step, deploy_id=self._id))

    async def _watched(self, work: Awaitable[None]) -> None:
        """Runs the build (`work`). Cancels it when the deploy no longer belongs to this run, or when the builder stops.
        Raises the errors of `work`."""
        working = asyncio.ensure_future(work)
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_done = working.done()
            self._over.set()
            working.cancel()
            # If the write of log lines were cancelled, the same lines would be written twice.
            await asyncio.wait({watching}, timeout=LAST_LINES_WITHIN)
            watching.cancel()
            await asyncio.gather(working, watching, return_exceptions=True)
        if not is_done:
            watching.result()
        working.result()

    async def _watch(self) -> None:
        is_quiet = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TELL_EVERY):
                    await self._over.wait()
                    return
            if self._is_handed_on:
                # The deploy now belongs to a worker. The builder only saves its caches and removes the build's folder.
                continue
            if self._should_stop():
                raise StopRequestedError
            if time.monotonic() - self._counted >= COUNT_EVERY:
                await self._count_time()
            if self._row.has_output or is_quiet:
                try:
                    await self._row.tell()
                    # While the build runs no command, the run itself writes the step, with the values that the step has
                    # found.
                    if self._runs_commands and self._report is not None:
                        await self._row.show(self._report)
                except Exception as error:
                    if self._is_handed_on:
                        continue
                    if not _is_outage(error):
                        raise
                    logger.warning(
                        "the log of deploy %s cannot be written until the database responds: %s", self._id, error
                    )
            is_quiet = not self._row.has_output and not is_quiet

    async def _build_in_time(self, slug: str) -> None:
        settings = self._parts.settings
        seconds = settings.build_deadline + 2 * settings.step_deadline
        try:
            async with asyncio.timeout(seconds) as deadline, self._parts.work.one_build() as folder:
                await self._build(slug, folder)
        except TimeoutError:
            if deadline.expired():
                raise BuildDeadlineError(seconds=seconds, step=self._row.step) from None
            raise
        except BuildStoppedError as error:
            raise StopRequestedError from error

    async def _build(self, slug: str, folder: Path) -> None:
        row, parts = self._row, self._parts
        if parts.settings.builds == "off":
            raise BuildsOffError()
        # The sandbox is checked before any fetch, so that a machine without a sandbox reports the error at once.
        sandbox = await asyncio.to_thread(self._find_sandbox)
        source = folder / "source"
        source.mkdir(mode=0o700)
        repository = None
        if row.deploy.source == GIT:
            repository = await self._take("fetch", fetch_commit(parts, row, source))
        else:
            await self._take("unpack", unpack_upload(parts, row, source, self._stops))
        await self._firmly(lambda: keep_sources(parts, row, source))
        row.facts["build"] = {"sandbox": sandbox.kind}
        # From here on, the row has the commit and sources. Each step writes the row again, which shows a concurrent
        # reader that the row has changed.
        await self._note("install")
        config, generation = await self._app_settings()
        wants = inputs_of(parts.settings, parts.vault, config, row.deploy, slug, repository)
        for note in wants.notes:
            row.output(note)
        began = time.perf_counter()

        async def deliver(built: BuildResult) -> None:
            self._runs_commands = False
            row.took("build", time.perf_counter() - began)
            row.facts["build"] = report_of(built.report)
            bundle = folder / "bundle.zip"
            with Masking(wants.secrets).errors():
                made = await self._take("pack", packed(parts.settings, source, built.output, bundle))
            row.output(log_line(made))
            key = await self._take("store", self._firmly(lambda: store(parts, row.deploy, bundle, made.size)))
            await self._hand_on(key)

        await self._run_build(sandbox, source, wants, generation, deliver)

    async def _app_settings(self) -> tuple[dict[str, Any], int]:
        """Returns the `build_config` that the app has published, and the generation of the app's cache. Raises
        AppGoneError, and database errors."""
        deploy = self._row.deploy
        found = await self._parts.database.statement(SETTINGS, {"app": deploy.app_id, "org": deploy.org_id})
        if not found:
            raise AppGoneError()
        return found[0][0] or {}, found[0][1]

    async def _run_build(
        self,
        sandbox: Sandbox,
        source: Path,
        wants: BuildInputs,
        generation: int,
        deliver: Callable[[BuildResult], Awaitable[None]],
    ) -> None:
        settings, deploy = self._parts.settings, self._row.deploy

        def begin(phase: str) -> None:
            # The task of `_watched` writes the step into the row.
            self._row.step = phase

        of_app = settings, deploy.app_id, deploy.environment
        is_reading = not (deploy.build_config or {}).get("no_cache")
        report = self._report = BuildReport(sandbox.kind)
        self._runs_commands = True
        try:
            await self._build_with(
                sandbox,
                source,
                wants.wanted,
                wants.of_app,
                settings=settings.model_copy(update={"build_hosts": (*settings.build_hosts, *wants.hosts)}),
                cache=BuildCache.of(*of_app, generation=generation, reading=is_reading),
                environment=wants.environment,
                secrets=wants.secrets,
                say=self._row.output,
                report=report,
                should_stop=self._stops,
                begin=begin,
                deliver=deliver,
            )
        finally:
            # A failed build has a report too: its tools, and the hosts that it could not reach.
            self._row.facts["build"] = report_of(report)

    async def _take(self, step: str, work: Awaitable[T]) -> T:
        """Runs a step of the build and returns its result. The deploy's row shows the step while it runs."""
        await self._note(step)
        return await self._timed(step, work)

    async def _timed(self, step: str, work: Awaitable[T]) -> T:
        began = time.perf_counter()
        result = await work
        self._row.took(step, time.perf_counter() - began)
        return result

    async def _note(self, step: str) -> None:
        """Writes the current step, and all facts about the build that are known by now, into the deploy's row."""
        self._row.step = step
        await self._firmly(lambda: self._row.write(self._row.set_step))

    async def _hand_on(self, key: str) -> None:
        """Passes the deploy with its bundle (stored under `key`) on to the workers."""
        row = self._row
        row.facts["built_key"] = key

        def change(deploy: DeployRow) -> None:
            deploy.step = BUILT

        job = next_job(row.deploy.app_id, self._id, step=BUILT, built=True)
        row.end_output()
        await self._firmly(lambda: row.write(change, job))
        self._is_handed_on = True
        BUILDS_ENDED.labels(BUILT).inc()

    async def _firmly(self, write: Callable[[], Awaitable[T]]) -> T:
        """Calls `write` and returns its result. Retries while database or object store are unreachable, because the
        data took minutes to build. Raises the errors of `write`. Raises the errors of an outage only after `OUTAGE`
        seconds."""
        until, pause = time.monotonic() + OUTAGE, 0.5
        while True:
            try:
                return await write()
            except Exception as error:
                if not _is_outage(error) or self._should_stop() or time.monotonic() > until:
                    raise
                logger.warning("deploy %s waits for the database or object store: %s", self._id, error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _stops(self) -> bool:
        return self._over.is_set() or self._should_stop()


def _is_outage(error: BaseException) -> bool:
    return isinstance(error, ServiceUnavailableError) or is_transient(error)
