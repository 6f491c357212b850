"""A worker process: the tasks that it runs, and the loop that takes over the jobs of dead workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from sqlalchemy.exc import DBAPIError

from easel.deploys.metrics import TAKEN_OVER
from easel.deploys.phases import RUN_BUILT_TASK, RUN_TASK
from easel.deploys.pipeline import OPTIMISE_TASK, Pipeline
from easel.deploys.queue_waits import limits_in
from easel.deploys.run_row import StopRequestedError
from easel.errors import EaselError
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.folder import FolderObjects
from easel.storage.objects import ObjectStore
from easel.storage.queue import BACKGROUND, BUILDS, DEPLOYS, SWEEPS, Queue
from easel.storage.transient_errors import TRANSIENT
from easel.versions.pruning import Policy, prune
from easel.worker.housekeeping.optimise import optimise
from easel.worker.housekeeping.orphans import sweep_orphans
from easel.worker.housekeeping.room import make_room
from easel.worker.housekeeping.sweep import sweep
from easel.worker.jobs.precedence import Precedence
from easel.worker.jobs.queue import JobQueue, Worker
from easel.worker.jobs.tasks import PeriodicTask, QueueUnreachableError, Task
from easel.worker.retries import MOST_ATTEMPTS, again, is_outage

logger = logging.getLogger(__name__)

STOPPED_WITHIN = 60.0
"""Seconds for which a stopping worker waits for the steps that it is running. Longer steps are repeated by another
worker."""
ROOM_LOOKS = 2.0
"""Seconds between two checks of the disk with the objects."""


class DeployWorker:
    """One worker process, which runs deploys and background jobs until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        objects: ObjectStore,
        queue: Queue,
        builds_wait: Callable[[], None] | None = None,
    ) -> None:
        """Sets up a worker. `builds_wait` is called while a build waits for a builder."""
        self._settings = settings
        self._database = database
        self._objects = objects
        self._queue = queue
        self._stopping = asyncio.Event()
        self._precedence = Precedence()
        self._background: Worker | None = None
        self._builds_wait = builds_wait
        at_once = replace(limits_in(settings).deploys, places=settings.worker_concurrency)
        self._jobs = JobQueue(database.url, self._tasks(), retry=again, at_once=at_once)

    def stop(self) -> None:
        """Tells the worker to stop. Its running deploys stop before their next step."""
        self._stopping.set()
        self._precedence.give_up()

    async def run(self) -> None:
        """Runs jobs until told to stop, even while the database is unreachable."""
        async with self._jobs.open():
            # Most background jobs come from deploys in this same process. Notifications about all other background jobs
            # would load the database for little benefit.
            self._background = self._worker([BACKGROUND, SWEEPS], 1, turn=self._precedence.turn, listens=False)
            # There is one slot more than one organisation may use, so that a deploy of another organisation begins at
            # once.
            hears = {BUILDS: self._builds_wait} if self._builds_wait is not None else {}
            deploys = self._worker([DEPLOYS], self._settings.worker_concurrency + 1, hears=hears)
            # Each of these three tasks queries the database once per heartbeat. They start at different times, so that
            # they can share one connection.
            step = self._settings.heartbeat / 3
            workers = [
                asyncio.create_task(deploys.work()),
                asyncio.create_task(_later(step, self._background.work)),
            ]
            taking_over = asyncio.create_task(_later(2 * step, self._take_over))
            making_room = asyncio.create_task(self._make_room())
            stopper = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([*workers, stopper], return_when=asyncio.FIRST_COMPLETED)
            self.stop()
            for task in [taking_over, making_room, *workers]:
                task.cancel()
            results = await asyncio.gather(*workers, taking_over, making_room, return_exceptions=True)
            stopper.cancel()
        for result in results:
            # If the worker cannot remove its registration in the database, its missing heartbeat shows that it has
            # ended.
            if isinstance(result, Exception) and not isinstance(result, QueueUnreachableError):
                raise result

    def _worker(
        self,
        queues: list[str],
        concurrency: int,
        *,
        turn: Callable[[], Awaitable[None]] | None = None,
        listens: bool = True,
        hears: Mapping[str, Callable[[], None]] = MappingProxyType({}),
    ) -> Worker:
        return self._jobs.worker(
            queues,
            concurrency,
            heartbeat=self._settings.heartbeat,
            stopped_within=STOPPED_WITHIN,
            turn=turn,
            listens=listens,
            hears=hears,
        )

    def _tasks(self) -> list[Task | PeriodicTask]:
        return [
            Task(RUN_TASK, DEPLOYS, self._run_deploy),
            Task(RUN_BUILT_TASK, DEPLOYS, self._run_deploy),
            Task(OPTIMISE_TASK, BACKGROUND, self._run_optimise),
            PeriodicTask("easel.deploys.sweep", SWEEPS, "*/10 * * * *", self._run_sweep),
            # Pruning comes first, because it creates orphans.
            PeriodicTask("easel.versions.prune", SWEEPS, "47 2 * * *", self._run_prune),
            PeriodicTask("easel.deploys.sweep_orphans", SWEEPS, "17 3 * * *", self._run_sweep_orphans),
        ]

    async def _run_deploy(self, *, attempts: int, deploy_id: str) -> None:
        pipeline = Pipeline(self._database, self._objects, self._settings, deploy_id, self._stopping.is_set)
        try:
            with self._precedence.urgent():
                await pipeline.run()
            if self._background is not None:
                self._background.look()
        except StopRequestedError:
            raise
        except Exception as error:
            if is_outage(error) and attempts < MOST_ATTEMPTS:
                logger.warning("deploy %s waits for the database or object store: %s", deploy_id, error)
                raise
            logger.exception("deploy %s failed unexpectedly", deploy_id)
            await pipeline.fail_unexpectedly(error)

    async def _run_optimise(self, *, attempts: int, app_id: str, manifest: str) -> None:
        turn = self._precedence.turns()

        def should_stop() -> bool:
            turn()
            return self._stopping.is_set()

        await optimise(self._database, self._objects, app_id, manifest, should_stop)

    async def _run_sweep(self) -> None:
        await sweep(self._database, self._objects, self._queue, self._settings)

    async def _run_prune(self) -> None:
        policy = Policy.of(self._settings)
        if policy is not None:
            await prune(self._database, policy)

    async def _run_sweep_orphans(self) -> None:
        await sweep_orphans(self._database, self._objects)

    async def _take_over(self) -> None:
        """Requeues the jobs of workers without a heartbeat. Also checks whether a build waits for a builder, because a
        notification may be lost, or may arrive while the last builder is ending."""
        while True:
            try:
                for job_id, task in await self._jobs.take_over(self._settings.stalled_after):
                    TAKEN_OVER.inc()
                    logger.warning("took over job %d (%s) from a worker without heartbeats", job_id, task)
                if self._builds_wait is not None and await self._jobs.waits(BUILDS):
                    self._builds_wait()
            except QueueUnreachableError as error:
                logger.warning("could not query the database for stalled jobs: %s", error)
            await asyncio.sleep(self._settings.heartbeat)

    async def _make_room(self) -> None:
        """Removes deleted and expired objects early if the largest allowed upload would not fit on the disk."""
        while isinstance(self._objects, FolderObjects):
            await asyncio.sleep(ROOM_LOOKS)
            try:
                if self._objects.reserve.room().spare < self._settings.max_upload_size:
                    await make_room(self._database, self._objects, self._settings)
            except (EaselError, DBAPIError, OSError, *TRANSIENT) as error:
                logger.warning("could not free space on the disk: %s", error)


async def _later(seconds: float, do: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    await do()
