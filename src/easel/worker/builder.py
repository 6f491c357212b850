"""A builder process, which runs the jobs of builds, one at a time."""

from __future__ import annotations

import asyncio
import logging
import threading

from easel.access.secrets import Vault
from easel.builds.sandbox.sandbox import Sandbox, log_sandbox
from easel.deploys.building.folders import WorkFolder
from easel.deploys.building.parts import BuilderServices
from easel.deploys.building.run import BuildRun
from easel.deploys.phases import BUILD_TASK
from easel.deploys.queue_waits import limits_in
from easel.deploys.run_row import StopRequestedError
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.objects import ObjectStore
from easel.storage.queue import BUILDS
from easel.worker.jobs.queue import JobQueue
from easel.worker.jobs.tasks import QueueUnreachableError, Task
from easel.worker.retries import MOST_ATTEMPTS, again, is_outage

logger = logging.getLogger(__name__)

STOPPED_WITHIN = 30.0
"""Seconds for which a stopping builder waits until its build is cancelled. Another builder then repeats the build."""


class Builder:
    """One builder process. It builds until it is told to stop, or until it was idle for some time."""

    def __init__(self, settings: Settings, database: Database, objects: ObjectStore, vault: Vault) -> None:
        """Creates the folder for builds, and sets up the builder. Raises OSError if the folder cannot be created."""
        self._settings = settings
        self._work = WorkFolder.made(settings)
        self._parts = BuilderServices(database, objects, settings, vault, self._work)
        self._stopping = asyncio.Event()
        self._sandbox: Sandbox | None = None
        self._finding = threading.Lock()
        tasks = [Task(BUILD_TASK, BUILDS, self._run_build)]
        self._jobs = JobQueue(database.url, tasks, retry=again, at_once=limits_in(settings).builds, connections=2)

    def stop(self) -> None:
        """Tells the builder to stop. A running build is cancelled."""
        self._stopping.set()

    async def run(self, idle: float | None = None) -> None:
        """Runs builds until told to stop, or until no build has come for `idle` seconds. Continues even while the
        database is unreachable."""
        # The test of the sandbox runs in the background, so that it does not delay a waiting build.
        trying = asyncio.create_task(asyncio.to_thread(log_sandbox, self._find_sandbox))
        try:
            async with self._jobs.open():
                # The worker runs one job at a time, because a build may use all processors.
                worker = self._jobs.worker(
                    [BUILDS], 1, heartbeat=self._settings.heartbeat, stopped_within=STOPPED_WITHIN, idle=idle
                )
                working = asyncio.create_task(worker.work())
                stopping = asyncio.create_task(self._stopping.wait())
                await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
                self.stop()
                working.cancel()
                (result, _) = await asyncio.gather(working, stopping, return_exceptions=True)
        finally:
            await asyncio.wait([trying])
            if self._sandbox is not None:
                self._sandbox.close()
            await asyncio.to_thread(self._work.remove)
        # If the builder cannot remove its registration in the database, its missing heartbeat shows that it has ended.
        if isinstance(result, Exception) and not isinstance(result, QueueUnreachableError):
            raise result

    def _find_sandbox(self) -> Sandbox:
        """Returns the sandbox in which builds run. A sandbox that was found once is kept. Until then, each build
        searches for a sandbox. Raises SandboxUnavailableError, BuildsOffError."""
        with self._finding:
            if self._sandbox is None:
                self._sandbox = Sandbox.find(self._settings)
            return self._sandbox

    async def _run_build(self, *, attempts: int, deploy_id: str) -> None:
        building = BuildRun(self._parts, deploy_id, self._stopping.is_set, self._find_sandbox)
        try:
            await building.run(attempts)
        except StopRequestedError:
            raise
        except Exception as error:
            if is_outage(error) and attempts < MOST_ATTEMPTS:
                logger.warning("the build of deploy %s waits for the database or object store: %s", deploy_id, error)
                raise
            logger.exception("the build of deploy %s failed unexpectedly", deploy_id)
            await building.fail_unexpectedly(error)
