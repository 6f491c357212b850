"""`easel serve`: starts the roles of one machine, watches them, and stops them in order."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from easel.connections.listening import PortTakenError, bind
from easel.errors import EaselError, ServiceUnavailableError
from easel.places import lock_data_dir, remember_data_dir
from easel.running.disk_keeping import DiskWatch, keep_database
from easel.running.logs import configure_logging
from easel.running.mappings import let_go_of_files
from easel.running.nursery import PREPARING, read, read_modules
from easel.running.processes import LOST, DatabaseStart, Nursery, RoleProcess, try_sandbox
from easel.running.readiness import is_ready, reach
from easel.running.roles import (
    KEY_REPLACED,
    check_store,
    knows_routes,
    open_reserve,
    prepare_apart,
    prepare_database,
    worker_pool,
)
from easel.running.several_machines import opens_secrets, require_shared
from easel.serving.addresses import Addresses
from easel.serving.suffixes import shares_cookies
from easel.settings import Role, Settings
from easel.storage.embedded import EmbeddedPostgres

logger = logging.getLogger(__name__)

READY_WITHIN = 60.0
DRAIN_WITHIN = 75.0
PORTS_FREE_WITHIN = 3.0
READY_LOOKS = 0.01
START_ORDER: Final[tuple[Role, ...]] = ("edge", "api", "worker", "builder")
"""The order in which roles start. An edge takes the longest time until it is ready."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0


class NotReadyError(EaselError):
    """Easel did not become ready within {seconds:.0f} s. The reason is in the lines above."""

    code = "not_ready"


class Supervisor:
    """One run of `easel serve`. `say` prints messages for the person who started it. The first API key is printed only
    if this person is present (`attended`), so that nobody else reads it."""

    def __init__(self, settings: Settings, say: Callable[[str], None], *, attended: bool) -> None:
        self._settings = settings
        self._say = say
        self._attended = attended
        self._stopping = asyncio.Event()
        self._children: dict[int, RoleProcess] = {}
        self._nursery: Nursery
        self._checked = False
        self._builds_wait = asyncio.Event()

    def run(self) -> None:
        """Runs all roles of this machine until SIGTERM or SIGINT.

        Raises RolesApartError, DataDirInUseError, SecretKeyDiffersError, NotReadyError and start-up errors.
        """
        began = time.perf_counter()
        settings = self._settings
        configure_logging(settings.log_level, "easel")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        require_shared(settings, with_secret=opens_secrets(settings))
        lock = lock_data_dir(settings.data_dir)
        self._require_ports()
        embedded = EmbeddedPostgres(settings.postgres_dir) if settings.database_url is None else None
        disk = self._disk(embedded)
        starting = None
        if embedded is not None:
            # This comes first, because the database may need disk space to start.
            disk.look()
            starting = DatabaseStart(embedded, without=lock)
        # Until the forks, this process must have only one thread and no event loop.
        if not self._apart:
            read([PREPARING])
        if starting is not None:
            starting.prepare(settings)
        # The modules of a builder are imported only when the first build waits for it.
        roles = [role for role in settings.roles if role != "builder" or settings.builders_stand]
        read_modules(roles, pools=[worker_pool(settings)])
        self._nursery = Nursery(roles, without=lock)
        with lock:
            asyncio.run(self._run(embedded, starting, disk, began))

    async def _run(
        self, embedded: EmbeddedPostgres | None, starting: DatabaseStart | None, disk: DiskWatch, began: float
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        keepers = []
        url = self._settings.database_url or ""
        if starting is not None:
            url = await asyncio.to_thread(starting.url)
            self._say(f"PostgreSQL is up ({time.perf_counter() - began:.1f} s), data in {self._settings.postgres_dir}")
        try:
            # An unreachable object store is reported at once, and not only at the first upload.
            checked = starting is not None and starting.ended
            check = asyncio.sleep(0) if checked else self._nursery.call(check_store, self._settings)
            checking = asyncio.create_task(check)
            await self._prepare(url, starting)
            with self._bearable():
                await checking
            if embedded is not None:
                keepers.append(asyncio.create_task(keep_database(embedded, self._stops_within)))
            keepers.append(asyncio.create_task(disk.run(self._stops_within)))
            await self._watch(url)
        finally:
            await asyncio.gather(*keepers, return_exceptions=True)
            if embedded is not None:
                await asyncio.to_thread(embedded.stop)
            self._say("Stopped.")

    def _disk(self, embedded: EmbeddedPostgres | None) -> DiskWatch:
        folder = self._settings.data_dir.resolve()
        return DiskWatch(open_reserve(self._settings), self._settings.ballast, embedded, folder)

    @property
    def _apart(self) -> bool:
        """Returns true if this machine is one of several machines of an installation."""
        return self._settings.role is not None

    @contextmanager
    def _bearable(self) -> Iterator[None]:
        """Ignores an unreachable database or bucket in the block, if this machine runs only edges that can start from
        saved routes."""
        try:
            yield
        except ServiceUnavailableError as error:
            url = self._settings.database_url
            if self._settings.roles != ("edge",) or url is None or not knows_routes(self._settings, url):
                raise
            logger.warning("%s", error)

    def _ports(self) -> list[tuple[Role, str, int]]:
        """Returns the hosts and ports on which the roles of this machine listen."""
        settings = self._settings
        ports: list[tuple[Role, str, int]] = [
            ("api", settings.api_host, settings.api_port),
            ("edge", settings.edge_host, settings.edge_port),
        ]
        return [one for one in ports if one[0] in settings.roles]

    def _require_ports(self) -> None:
        """Waits until the ports of this machine's roles are free, because the processes of a killed predecessor may
        still be ending. Raises PortTakenError if a port does not become free."""
        deadline = time.monotonic() + PORTS_FREE_WITHIN
        needed = [(host, port, f"--{role}-port") for role, host, port in self._ports()]
        for role, own in _processes(self._settings):
            private = own.metrics_port(role)
            if private is not None:
                needed.append((own.metrics_host, private, own.metrics_variable(role)))
        with ExitStack() as held:
            for host, port, option in needed:
                while True:
                    try:
                        held.enter_context(bind(host, port, option=option))
                        break
                    except PortTakenError:
                        if time.monotonic() > deadline:
                            raise
                    time.sleep(0.02)

    async def _prepare(self, url: str, starting: DatabaseStart | None) -> None:
        """Removes the scratch files of a killed predecessor, and prepares the database. On a single machine, this
        creates the schema, the first organisation and the first API key."""
        # Every process that writes scratch files starts later, so these files are from a killed predecessor.
        for left in self._settings.scratch_dir.glob("*"):
            if left.is_file():
                left.unlink(missing_ok=True)
        if self._apart:
            # The operator decides when the schema changes, because other machines may still use the earlier release.
            with self._bearable():
                await self._nursery.call(prepare_apart, self._settings, url)
                self._checked = True
            return
        path = self._settings.data_dir / "api-key"
        prepared = None if starting is None else starting.prepared()
        if prepared is None:
            prepared = await self._nursery.call(prepare_database, self._settings, url)
        self._checked = True
        if prepared.key_replaced:
            logger.warning(KEY_REPLACED)
        if prepared.first_key is not None and self._attended:
            self._say(f"The first API key is {prepared.first_key}")
        self._say(f"API key for the CLI on this machine: {path}")

    async def _watch(self, url: str) -> None:
        given = {"database_url": url, "data_dir": self._settings.data_dir.resolve()}
        settings = self._settings.model_copy(update=given)
        keepers = [
            asyncio.create_task(self._keep(number, role, own))
            for number, (role, own) in enumerate(_processes(settings))
        ]
        sharing = asyncio.create_task(self._shares_cookies())
        try:
            await self._until_ready()
            if not self._stopping.is_set():
                self._announce(shares_cookies=await sharing)
                await self._try_sandbox()
                let_go_of_files()
            await self._stopping.wait()
        finally:
            self._stopping.set()
            self._say(
                "Stopping. Running requests are completed. Running deploys stop before their next step and continue "
                "at the next start. Running builds start again at the next start."
            )
            for child in self._children.values():
                if child.runs:
                    child.terminate()
            _, late = await asyncio.wait(keepers, timeout=DRAIN_WITHIN)
            for child in self._children.values():
                if late and child.runs:
                    child.kill()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, number: int, role: Role, settings: Settings) -> None:
        """Keeps one process of a role running. If it ends by itself, or the nursery's replacement is killed before it
        forks the process, it is restarted with growing backoff. A builder on demand runs only while builds wait."""
        pause = FIRST_PAUSE
        stands = role != "builder" or settings.builders_stand
        wanted = stands
        # At a later start, machines of another release may have migrated the database.
        checked = self._checked
        while not self._stopping.is_set():
            if not wanted and not await self._builder_wanted():
                return
            began = time.monotonic()
            code = LOST
            with suppress(OSError, EOFError):
                self._children[number] = child = RoleProcess(self._nursery, role, settings, checked=checked)
                code = await child.wait(self._want)
            checked = False
            if self._stopping.is_set():
                return
            wanted = stands or code != 0
            if not wanted:
                continue
            if time.monotonic() - began > 30:
                pause = FIRST_PAUSE
            logger.error("%s ended with code %s; starting it again in %.1f s", role, code, pause)
            if not await self._stops_within(pause):
                pause = min(pause * 2, LONGEST_PAUSE)

    def _want(self, role: Role) -> None:
        """Handles a process's request for a role: starts the builders that do not run. A builder that is just ending is
        started by the next request, because the worker repeats it every second while the build waits."""
        if role == "builder":
            self._builds_wait.set()
            self._builds_wait.clear()

    async def _builder_wanted(self) -> bool:
        """Waits until a build waits for a builder. Returns false if Easel is told to stop first."""
        waits = [asyncio.create_task(one.wait()) for one in (self._builds_wait, self._stopping)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        return not self._stopping.is_set()

    async def _try_sandbox(self) -> None:
        """Tests whether builds can run in a sandbox, and logs the result. Builders log it themselves at their start,
        but no builder runs yet."""
        if "builder" in self._settings.roles and not self._settings.builders_stand:
            try:
                await self._nursery.call(try_sandbox, self._settings)
            except Exception as error:
                logger.warning("could not test whether builds can run in a sandbox: %s", error or type(error).__name__)

    async def _stops_within(self, seconds: float) -> bool:
        """Waits `seconds`, or until Easel is told to stop. Returns true if it was told to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()

    async def _until_ready(self) -> None:
        """Returns once the roles are ready, or this Easel is told to stop. Raises NotReadyError."""
        ports = [(reach(host).strip("[]"), port) for _, host, port in self._ports()]
        deadline = time.monotonic() + READY_WITHIN
        while ports and not self._stopping.is_set():
            ready = await asyncio.gather(*(is_ready(*one) for one in ports))
            ports = [one for one, good in zip(ports, ready, strict=True) if not good]
            if ports and time.monotonic() > deadline:
                raise NotReadyError(seconds=READY_WITHIN)
            await asyncio.sleep(READY_LOOKS if ports else 0)

    async def _shares_cookies(self) -> bool:
        # The list is parsed in a separate process, because parsing takes memory.
        return "edge" in self._settings.roles and await self._nursery.call(shares_cookies, self._settings.domain)

    def _announce(self, *, shares_cookies: bool) -> None:
        settings = self._settings
        if shares_cookies:
            self._say(
                f"{settings.domain} is not on the Public Suffix List, so each app can set cookies for all "
                'other apps (see docs/running.md, "A domain that apps share").'
            )
        if self._apart:
            self._say(f"Ready, as {' and '.join(settings.roles)}.")
            return
        api = settings.api_url or f"http://{reach(settings.api_host)}:{settings.api_port}"
        apps = Addresses.of(settings).at("{app}")
        (settings.data_dir / "server.json").write_text(json.dumps({"api_url": api, "edge_url": apps}) + "\n")
        self._say(f"api:  {api}   (documentation at {api}/docs)")
        self._say(f"apps: {apps}")
        if here := remember_data_dir(settings.data_dir):
            self._say(f"By default, the command line uses another Easel of this user. For this Easel, add{here}")
        self._say(f"Ready. Deploy with: {_program()} deploy{here} --create --app my-app -m 'First deploy' DIR")


def _processes(settings: Settings) -> list[tuple[Role, Settings]]:
    """Returns the roles to run as processes, each with its settings."""
    many: dict[Role, int] = {
        "api": settings.api_processes,
        "worker": settings.worker_processes,
        "builder": settings.builder_processes,
        "edge": settings.edge_processes,
    }
    made = []
    for role in sorted(settings.roles, key=START_ORDER.index):
        for number in range(many[role]):
            first = settings.metrics_port(role)
            update = {} if first is None else {f"{role}_metrics_port": first + number}
            made.append((role, settings.model_copy(update=update)))
    return made


def _program() -> str:
    """Returns the command that runs `easel` from any folder: its name if the shell finds it, otherwise its path."""
    beside = Path(sys.executable).with_name("easel")
    return "easel" if shutil.which("easel") is not None or not beside.exists() else str(beside)
