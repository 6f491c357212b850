"""Starts the processes of `easel serve`, and observes their end.

Importing the modules of a role takes longer than starting the role. Therefore, one process imports them once and does
nothing else (`running/nursery.py`), and every process starts as a copy of this process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import IO, Any, TypeVar, TypeVarTuple, cast

from easel.errors import EaselError
from easel.running import nursery, roles
from easel.running.logs import configure_logging
from easel.running.low_priority import yield_to_others
from easel.running.nursery import ENDED, FAILED, FRAME, HEAD, MODULES, NUMBER, RESULT, STARTED, WANTED
from easel.running.parent_death import end_with
from easel.settings import Role, Settings
from easel.storage.embedded import EmbeddedPostgres

logger = logging.getLogger(__name__)

Given = TypeVarTuple("Given")
T = TypeVar("T")
_Prepared = tuple[str, roles.PreparedDatabase | Exception]
"""The URL of a database, and the result or the error of preparing this database."""

LOST = -signal.SIGKILL
"""The exit code that is reported for a process if its real exit code is unknown, because the nursery has ended too."""


class Forker:
    """Starts processes through a socket on which the nursery (the process that forks all others) receives requests."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def start(
        self,
        title: str,
        function: Callable[..., Any],
        *arguments: Any,
        given: Sequence[socket.socket],
        modules: Sequence[str] = (),
    ) -> Child:
        """Starts a process that calls a function of a module, and returns the process. `given` are sockets: the first
        becomes the function's last argument, and on the second, the nursery receives further requests. `modules` are
        imported by the nursery first. Raises OSError and EOFError if the nursery has ended."""
        request, names = pickle.dumps((title, function, arguments)), " ".join(modules).encode()
        ours, theirs = socket.socketpair()
        with theirs:
            sockets = [one.fileno() for one in (theirs, *given)]
            socket.send_fds(self._control, [HEAD.pack(len(names), len(request)) + names + request], sockets)
        return Child(ours)


class Nursery:
    """The supervisor's interface to the nursery, which is the process that forks all other processes."""

    def __init__(self, wanted: Sequence[Role], *, without: IO[str]) -> None:
        """Forks the nursery from this process, with the modules imported so far. `wanted` are the roles whose modules a
        replacement of a killed nursery imports. The nursery closes its copy of `without`, a lock file that only this
        process may hold. Call this method in the main thread before other threads exist, because the nursery ends with
        the thread that started it."""
        self._roles = wanted
        self._control, theirs = socket.socketpair()
        supervisor = os.getpid()
        if os.fork() == 0:
            without.close()
            self._control.close()
            nursery.serve(theirs, supervisor)
        theirs.close()

    def start(
        self,
        title: str,
        function: Callable[..., Any],
        *arguments: Any,
        forks: bool = False,
        modules: Sequence[str] = (),
    ) -> Child:
        """Starts a process that imports these modules and calls a function of a module. If `forks` is true, the
        function gets a socket for a `Forker` as its last argument."""
        with ExitStack() as stack:
            given = [stack.enter_context(one) for one in socket.socketpair()] if forks else []
            try:
                return Forker(self._control).start(title, function, *arguments, given=given, modules=modules)
            except (OSError, EOFError):
                self._replace()
                return Forker(self._control).start(title, function, *arguments, given=given, modules=modules)

    async def call(self, function: Callable[[*Given], T], *arguments: *Given) -> T:
        """Calls a function of a module in a separate process, and returns its result. Raises the function's errors."""
        child = self.start("easel: prepares", function, *arguments)
        return cast("T", await child.result())

    def _replace(self) -> None:
        logger.error("the process that forks all other processes has ended; starting it again")
        self._control.close()
        self._control, theirs = socket.socketpair()
        with theirs:
            # Python must not import modules from the current folder (-P).
            command = [sys.executable, "-P", "-m", nursery.__name__, str(theirs.fileno()), str(os.getpid())]
            subprocess.Popen([*command, *self._roles], pass_fds=[theirs.fileno()])


class Child:
    """A process that the nursery has forked for the supervisor."""

    pid: int
    code: int | None
    """The exit code, as `wait` returns it. None until the process has ended."""

    def __init__(self, channel: socket.socket) -> None:
        """Waits until the process runs. `channel` is the socket for messages about it. Raises EOFError if the nursery
        has ended."""
        try:
            kind, size = FRAME.unpack(nursery.received(channel, FRAME.size))
            number = NUMBER.unpack(nursery.received(channel, size))[0]
        except (OSError, EOFError):
            channel.close()
            raise
        self.pid, self.code = (number, None) if kind == STARTED else (0, number)
        channel.setblocking(False)
        self._channel = channel
        self._reader: asyncio.StreamReader | None = None

    async def result(self) -> Any:
        """Waits until the process has ended, and returns the result of its function. Raises the function's errors, and
        EOFError if the process was killed."""
        kind, data = await self._next()
        if kind not in (RESULT, FAILED):
            raise EOFError(f"a process ended with code {NUMBER.unpack(data)[0]} before it returned a result")
        await self.wait()
        found = pickle.loads(data)  # noqa: S301 (of a process of this one's own)
        if kind == FAILED:
            raise found
        return found

    async def wait(self, want: Callable[[Role], None] | None = None) -> int:
        """Waits until the process has ended, and returns its exit code. A negative exit code is the number of the
        signal that ended the process. Calls `want` for each role that the process asks the supervisor to run."""
        while self.code is None:
            try:
                kind, data = await self._next()
            except (OSError, EOFError):
                kind, data = ENDED, NUMBER.pack(LOST)
            if kind == ENDED:
                self.code = NUMBER.unpack(data)[0]
            elif kind == WANTED and want is not None:
                want(cast("Role", data.decode()))
        return self.code

    def send(self, number: signal.Signals) -> None:
        """Sends the process the signal with this number, unless it has ended."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills this process, unless it has already ended."""
        self.send(signal.SIGKILL)

    async def _next(self) -> tuple[bytes, bytes]:
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._channel)
        kind, size = FRAME.unpack(await self._reader.readexactly(FRAME.size))
        data = await self._reader.readexactly(size)
        if kind == ENDED:
            self._writer.close()
        return kind, data


class DatabaseStart:
    """Starts the embedded database while this process imports modules. One separate process starts the database, and
    another separate process checks the object store and prepares the database."""

    def __init__(self, embedded: EmbeddedPostgres, *, without: IO[str]) -> None:
        """Forks the process that starts the database. `without` is a lock file that only this process may hold, so the
        new process closes its copy. Call this method in the main thread before other threads exist (see `Nursery`)."""
        self._embedded = embedded
        self._without = without
        self._pids: list[int] = []
        self._outcome: roles.PreparedDatabase | Exception | None = None
        self._url = self._fork(self._start)

    def prepare(self, settings: Settings) -> None:
        """Forks another process with the modules imported so far. It prepares the database as soon as the database
        runs."""
        self._prepared = self._fork(self._prepare, self._url, settings)
        os.close(self._url)

    def url(self) -> str:
        """Waits until the database runs and is prepared, and returns its URL. Raises the errors of the start."""
        with os.fdopen(self._prepared, "rb") as told:
            found = told.read()
        for pid in self._pids:
            os.waitpid(pid, 0)
        if not found:
            # The start in the other process has failed. The database is started again here, which succeeds or raises
            # the error.
            return self._embedded.start()
        url, self._outcome = cast("_Prepared", pickle.loads(found))  # noqa: S301 (of a process of this one's own)
        self._embedded.found(url)
        return url

    @property
    def ended(self) -> bool:
        """Returns true if the other process has checked the object store and prepared the database, or has found an
        error. Call `url` first."""
        return self._outcome is not None

    def prepared(self) -> roles.PreparedDatabase | None:
        """Returns the result of `prepare_database` in the other process. Call `url` first. Returns None if that process
        could not prepare the database. Raises the errors of `check_store` and `prepare_database`."""
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def _start(self) -> bytes:
        url = self._embedded.start()
        self._embedded.leave()
        return url.encode()

    @staticmethod
    def _prepare(started: int, settings: Settings) -> bytes:
        with os.fdopen(started, "rb") as told:
            url = told.read().decode()
        if not url:
            return b""
        try:
            roles.check_store(settings)
            return pickle.dumps((url, roles.prepare_database(settings, url)))
        except Exception as error:
            return pickle.dumps((url, error))

    def _fork(self, work: Callable[[*Given], bytes], *arguments: *Given) -> int:
        supervisor = os.getpid()
        result, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._without.close()
            os.close(result)
            with suppress(Exception):
                end_with(supervisor)
                with os.fdopen(told, "wb") as answer:
                    answer.write(work(*arguments))
            os._exit(0)
        os.close(told)
        self._pids.append(pid)
        return result


class RoleProcess:
    """The process of one role under the supervisor."""

    def __init__(self, home: Nursery, role: Role, settings: Settings, *, checked: bool) -> None:
        """Starts the process of the role. `checked` is true if the role's database was just verified."""
        forks, modules = role == "api", MODULES[role]
        self._child = home.start(f"easel: {role}", live, role, settings, checked, forks=forks, modules=modules)

    @property
    def runs(self) -> bool:
        """Returns true if the role's process is running."""
        return self._child.code is None

    async def wait(self, want: Callable[[Role], None]) -> int:
        """Waits until the process has ended, and returns its exit code. A negative exit code is the number of the
        signal that ended the process. Calls `want` for each role that the process asks the supervisor to run."""
        return await self._child.wait(want)

    def terminate(self) -> None:
        """Tells the role's process to finish its running work and stop."""
        self._child.send(signal.SIGTERM)

    def kill(self) -> None:
        """Kills the role's process."""
        self._child.kill()


def live(role: Role, settings: Settings, checked: bool, line: socket.socket | None = None) -> None:
    """Runs a role in this process until the role ends. An api forks its lane (its second process) through the socket
    `line`."""
    try:
        roles.run_role(role, settings, checked=checked, line=line, ask_for=nursery.ask_for)
    except EaselError as error:
        logger.error("%s", error.message)
        sys.exit(1)


def try_sandbox(settings: Settings) -> None:
    """Tests whether builds can run in a sandbox on this machine, and logs the result, as a builder does at its
    start."""
    from easel.builds.sandbox.sandbox import Sandbox, log_sandbox

    configure_logging(settings.log_level, "builder")
    yield_to_others()
    log_sandbox(partial(Sandbox.find, settings))
