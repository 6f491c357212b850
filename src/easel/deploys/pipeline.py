"""The pipeline: takes one deploy through its steps in a worker.

Every step finds its own earlier result, so a run can be interrupted anywhere and repeated. Every transaction ends by
writing the deploy's row, if the deploy still belongs to this run. If the deploy was cancelled, or another worker has
taken it over, the run changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from easel import clock
from easel.builds.errors import BuildsOffError
from easel.bundles.errors import SourceBundleError
from easel.deploys.errors import (
    DeployTimedOutError,
    InternalDeployError,
    SourceBuildsOffError,
    StepTimedOutError,
    TooManyWaitingBuildsError,
)
from easel.deploys.metrics import ENDED
from easel.deploys.phases import to_build
from easel.deploys.run_row import NoLongerOursError, RunRow, StopRequestedError, milliseconds
from easel.deploys.service import fail, require_place
from easel.deploys.states import BUILD_QUEUED, COMPLETE, MOVED
from easel.deploys.steps import STEPS
from easel.deploys.steps.step import Run, Step
from easel.errors import EaselError, ServiceUnavailableError
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.object_names import hash_in
from easel.storage.objects import ObjectStore
from easel.storage.queue import BACKGROUND, deferred

logger = logging.getLogger(__name__)

OPTIMISE_TASK = "easel.deploys.optimise"


class Pipeline:
    """One attempt to take a deploy through its `steps`, in their order."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        settings: Settings,
        deploy_id: str,
        should_stop: Callable[[], bool],
        *,
        steps: tuple[Step, ...] = STEPS,
    ) -> None:
        self._database = database
        self._objects = objects
        self._settings = settings
        self._id = deploy_id
        self._should_stop = should_stop
        self._steps = steps
        self._row = RunRow(database, deploy_id)
        self._run: Run | None = None

    async def run(self) -> None:
        """Takes the deploy to its end, so that it is complete or failed.

        Raises StopRequestedError between two steps when the worker stops. Raises ServiceUnavailableError when the
        database or the object store is unreachable. In both cases, the deploy must be run again.
        """
        try:
            async with asyncio.timeout(self._settings.deploy_deadline):
                await self._go()
        except NoLongerOursError:
            logger.info(
                "stopped working on deploy %s in step %s, because it was cancelled or another worker took it over",
                self._id,
                self._row.step,
            )
        except TimeoutError:
            await self.fail(DeployTimedOutError(seconds=self._settings.deploy_deadline, step=self._row.step))
        except (StopRequestedError, ServiceUnavailableError):
            raise
        except SourceBundleError as source:
            await self._have_it_built(source)
        except EaselError as error:
            await self.fail(error)
        finally:
            await self._row.abandon()
            if self._run is not None:
                await self._run.abandon()

    async def fail(self, error: EaselError) -> None:
        """Ends the deploy because of an error. It ends as complete if its outcome is already recorded, and otherwise as
        failed. Does nothing if the deploy has already ended."""
        try:
            async with self._row.alone():
                deploy = self._row.deploy
                if deploy.outcome is not None:
                    self._end_as_complete()
                else:
                    deploy.step = self._row.step
                    if self._run is not None:
                        self._run.note_smoke_test()
                    self._row.say(fail(deploy, error))
            ENDED.labels(self._row.deploy.status).inc()
        except NoLongerOursError:
            logger.info("deploy %s could not be marked as failed, because it had already ended", self._id)

    async def fail_unexpectedly(self, error: Exception) -> None:
        """Ends the deploy after an unexpected error, and logs the error."""
        if isinstance(error, ServiceUnavailableError):
            await self.fail(error)
        else:
            await self.fail(InternalDeployError(step=self._row.step, deploy_id=self._id))

    async def _have_it_built(self, source: SourceBundleError) -> None:
        """Passes a deploy whose zip contains sources (`source`) on to the builders. A builder then ends the deploy, or
        queues it again with a bundle."""
        try:
            async with self._row.ours() as work:
                deploy = self._row.deploy
                await require_place(work, self._settings, deploy.org_id)
                deploy.step = BUILD_QUEUED
                self._row.say("The zip contains the sources of a project. The deploy waits for a builder.")
                self._row.then = to_build(deploy.app_id, deploy.id)
        except NoLongerOursError:
            logger.info("deploy %s could not be handed over to a builder, because it had already ended", self._id)
        except BuildsOffError:
            await self.fail(SourceBuildsOffError(**source.details))
        except TooManyWaitingBuildsError as error:
            await self.fail(error)

    async def _go(self) -> None:
        taken = await self._row.take()
        if taken is None:
            return
        self._run = Run(self._database, self._objects, self._settings, self._row, taken.app, taken.before)
        for step in self._steps:
            if not self._row.is_kept and self._should_stop():
                raise StopRequestedError
            if not step.found(self._run):
                await self._take(step, self._run)
        await self._complete()

    async def _take(self, step: Step, run: Run) -> None:
        """Runs one step of the deploy, within the step's timeout. Raises StepTimedOutError and the step's errors."""
        self._row.step = step.name
        began = time.perf_counter()
        seconds = step.deadline(self._settings)
        try:
            async with asyncio.timeout(seconds) as deadline:
                await step.run(run)
        except TimeoutError:
            if deadline.expired():
                raise StepTimedOutError(step=step.name, seconds=seconds) from None
            raise
        self._row.took(step.name, time.perf_counter() - began)

    async def _complete(self) -> None:
        """Records that the deploy is complete. This is a separate transaction, after the edges of this machine know the
        version."""
        async with self._row.alone():
            self._end_as_complete()
        ENDED.labels(COMPLETE).inc()

    def _end_as_complete(self) -> None:
        row, deploy = self._row, self._row.deploy
        deploy.status = deploy.step = COMPLETE
        deploy.finished_at = clock.now()
        row.timings["total"] = milliseconds(deploy.finished_at.timestamp() - deploy.queued_at.timestamp())
        where = f"live on {deploy.environment}" if deploy.outcome == MOVED else "recorded"
        row.say(f"Deploy complete! Version {deploy.version} is {where}.")
        if deploy.outcome == MOVED:
            assert deploy.manifest_key is not None
            manifest = hash_in(deploy.manifest_key)
            row.then = deferred(OPTIMISE_TASK, queue=BACKGROUND, lock=None, app_id=deploy.app_id, manifest=manifest)
