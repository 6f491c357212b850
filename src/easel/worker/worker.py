"""What a worker runs: the tasks on the queue, and the loop that takes over the jobs of dead workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from sqlalchemy.exc import DBAPIError

from easel.deploys.metrics import TAKEN_OVER
from easel.deploys.pipeline import OPTIMISE_TASK, Pipeline, StopRequestedError
from easel.deploys.queue_waits import limits_in
from easel.deploys.service import RUN_TASK
from easel.errors import EaselError, ServiceUnavailableError
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.errors import StorageFullError
from easel.storage.folder import FolderObjects
from easel.storage.objects import ObjectStore
from easel.storage.passing import PASSING, passes
from easel.storage.queue import BACKGROUND, DEPLOYS, SWEEPS, Queue, queue_app, take_over
from easel.versions.pruning import Policy, prune
from easel.worker.housekeeping.optimise import optimise
from easel.worker.housekeeping.orphans import sweep_orphans
from easel.worker.housekeeping.room import make_room
from easel.worker.housekeeping.sweep import sweep
from easel.worker.jobs.precedence import Precedence
from easel.worker.jobs.queue_worker import CarefulWorker

logger = logging.getLogger(__name__)

STOPPED_WITHIN = 60.0
"""Seconds that a stopping worker waits for the steps it is in; what takes longer is begun again elsewhere."""
LONGEST_PAUSE = 8
"""Seconds. That a worker died counts as an attempt as well, so a deploy may be far up this stair for no fault of the
store, and the next short trouble should not cost it half a minute."""
LONGEST_WAIT_FOR_ROOM = 300
"""Seconds between two tries of what is done in the background while the disk has no room."""
ROOM_LOOKS = 2.0
"""Seconds between two looks at the room on the disk that holds the objects."""
MOST_ATTEMPTS = 60
"""About eight minutes of trouble."""


async def _run(worker: CarefulWorker) -> None:
    await worker.run()  # type: ignore[no-untyped-call]


class _GoOnLater(BaseRetryStrategy):
    """Runs the job again at once after a shutdown, and with growing pauses while a part does not answer."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        # What is cancelled is what a stopping worker could wait for no longer.
        if isinstance(exception, StopRequestedError | asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        if isinstance(exception, StorageFullError):
            # What is done in the background can wait for room. A deploy does not come here with it: somebody waits.
            return RetryDecision(retry_in={"seconds": min(2 ** min(job.attempts, 10), LONGEST_WAIT_FOR_ROOM)})
        if _passes(exception):
            return RetryDecision(retry_in={"seconds": min(2 ** min(job.attempts, 10), LONGEST_PAUSE)})
        return None


def _passes(error: BaseException) -> bool:
    """Whether database or store are in trouble that passes by itself."""
    return isinstance(error, ServiceUnavailableError) or passes(error)


class DeployWorker:
    """One worker process: runs deploys and background jobs until it is told to stop."""

    def __init__(self, settings: Settings, database: Database, objects: ObjectStore, queue: Queue) -> None:
        self._settings = settings
        self._database = database
        self._objects = objects
        self._queue = queue
        self._stopping = asyncio.Event()
        self._precedence = Precedence()
        self._background: CarefulWorker | None = None
        self._at_once = replace(limits_in(settings), places=settings.worker_concurrency)
        self._app = queue_app(database.url, at_once=self._at_once)
        self._add_tasks(self._app)

    def stop(self) -> None:
        """Asks the worker to end: running deploys stop at their next step border."""
        self._stopping.set()
        self._precedence.give_up()

    async def run(self) -> None:
        """Works until stopped, also while the database does not answer."""
        async with self._app.open_async():
            # What is to be done in the background is mostly of this process's own deploys. To be told of all others'
            # would take more of the database than it is worth.
            self._background = self._worker([BACKGROUND, SWEEPS], 1, turn=self._precedence.turn, listens=False)
            # One place more than one organisation may take: another one's deploy is always begun at once.
            deploys = self._worker([DEPLOYS], self._settings.worker_concurrency + 1)
            workers = [asyncio.create_task(_run(worker)) for worker in (deploys, self._background)]
            taking_over = asyncio.create_task(self._take_over())
            making_room = asyncio.create_task(self._make_room())
            stopper = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([*workers, stopper], return_when=asyncio.FIRST_COMPLETED)
            self.stop()
            for task in [taking_over, making_room, *workers]:
                task.cancel()
            results = await asyncio.gather(*workers, taking_over, making_room, return_exceptions=True)
            stopper.cancel()
        for result in results:
            # One that cannot say that it leaves is found to be silent.
            if isinstance(result, Exception) and not isinstance(result, ConnectorException):
                raise result

    def _worker(
        self,
        queues: list[str],
        concurrency: int,
        *,
        turn: Callable[[], Awaitable[None]] | None = None,
        listens: bool = True,
    ) -> CarefulWorker:
        return CarefulWorker(
            self._app,
            at_once=self._at_once,
            turn=turn,
            listens=listens,
            queues=queues,
            name=queues[0],
            concurrency=concurrency,
            install_signal_handlers=False,
            update_heartbeat_interval=self._settings.heartbeat,
            stalled_worker_timeout=86400,
            shutdown_graceful_timeout=STOPPED_WITHIN,
            delete_jobs="successful",
        )

    def _add_tasks(self, app: App) -> None:
        @app.task(name=RUN_TASK, queue=DEPLOYS, retry=_GoOnLater(), pass_context=True)
        async def run_deploy(context: JobContext, deploy_id: str) -> None:
            pipeline = Pipeline(self._database, self._objects, self._settings, deploy_id, self._stopping.is_set)
            try:
                with self._precedence.urgent():
                    await pipeline.run()
                if self._background is not None:
                    self._background.look()
            except StopRequestedError:
                raise
            except Exception as error:
                if _passes(error) and context.job.attempts < MOST_ATTEMPTS:
                    logger.warning("deploy %s waits for a part that does not answer: %s", deploy_id, error)
                    raise
                logger.exception("deploy %s failed unexpectedly", deploy_id)
                await pipeline.fail_unexpectedly(error)

        @app.task(name=OPTIMISE_TASK, queue=BACKGROUND, retry=_GoOnLater())
        async def run_optimise(app_id: str, manifest: str) -> None:
            turn = self._precedence.turns()

            def should_stop() -> bool:
                turn()
                return self._stopping.is_set()

            await optimise(self._database, self._objects, app_id, manifest, should_stop)

        # Each once in the whole installation, whichever worker comes first, and no two of them at a time. Before
        # what is to be optimised, of which there may be much.
        @app.periodic(cron="*/10 * * * *")
        @app.task(
            name="easel.deploys.sweep", queue=SWEEPS, lock=SWEEPS, queueing_lock="sweep", priority=1, retry=_GoOnLater()
        )
        async def run_sweep(timestamp: int) -> None:
            await sweep(self._database, self._objects, self._queue, self._settings)

        # Before the orphans, which what is pruned makes.
        @app.periodic(cron="47 2 * * *")
        @app.task(
            name="easel.versions.prune",
            queue=SWEEPS,
            lock=SWEEPS,
            queueing_lock="prune",
            priority=1,
            retry=_GoOnLater(),
        )
        async def run_prune(timestamp: int) -> None:
            policy = Policy.of(self._settings)
            if policy is not None:
                await prune(self._database, policy)

        @app.periodic(cron="17 3 * * *")
        @app.task(
            name="easel.deploys.sweep_orphans",
            queue=SWEEPS,
            lock=SWEEPS,
            queueing_lock="sweep_orphans",
            priority=1,
            retry=_GoOnLater(),
        )
        async def run_sweep_orphans(timestamp: int) -> None:
            await sweep_orphans(self._database, self._objects)

    async def _take_over(self) -> None:
        """Puts jobs of workers that fell silent back on the queue."""
        while True:
            await asyncio.sleep(self._settings.heartbeat)
            try:
                for job_id, task in await take_over(self._app, self._settings.stalled_after):
                    TAKEN_OVER.inc()
                    logger.warning("took over job %d (%s) from a silent worker", job_id, task)
            except ConnectorException as error:
                logger.warning("could not look for stalled jobs: %s", error)

    async def _make_room(self) -> None:
        """Removes early what can be while the largest upload would not fit on the disk of a folder store."""
        while isinstance(self._objects, FolderObjects):
            await asyncio.sleep(ROOM_LOOKS)
            try:
                if self._objects.reserve.room().spare < self._settings.max_upload_size:
                    await make_room(self._database, self._objects, self._settings)
            except (EaselError, DBAPIError, OSError, *PASSING) as error:
                logger.warning("no room could be made on the disk: %s", error)
