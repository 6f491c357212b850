"""Runs the commands of builds, isolated from everything that belongs to Easel."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Literal, Self

from easel.builds.errors import BuildsOffError, SandboxUnavailableError
from easel.builds.sandbox import bubblewrap, trial
from easel.builds.sandbox.bubblewrap import BUILD, CERTIFICATES, HOME, Bubblewrap
from easel.builds.sandbox.cgroups import Cgroups
from easel.builds.sandbox.command import Command, CommandResult
from easel.builds.sandbox.environment import check, environment, git_over_https, outside
from easel.builds.sandbox.free_cores import Visits
from easel.builds.sandbox.keeper import PROXY_PORT, STAGE
from easel.builds.sandbox.keeper_process import KeeperProcess
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.running_command import RunningCommand
from easel.builds.sandbox.seccomp import MACHINES, program
from easel.builds.sandbox.user import BuildUser, own
from easel.errors import EaselError
from easel.outgoing.addresses import Destinations
from easel.outgoing.proxy import EgressProxy, Refusal
from easel.settings import Settings
from easel.storage.disk_reserve import DiskReserve

logger = logging.getLogger(__name__)

OPEN_FILES = 16_384
"""Maximum number of open files for each process of a build."""
SPARE_AFTER = 0.05
"""Delay in seconds between the start of a command and the start of the process for the next command. An earlier start
would delay the current command."""


class Sandbox:
    """Runs the commands of builds: `sandboxed`, or `unsandboxed` if the operator chose that.

    An instance belongs to one event loop at a time. Call `close` at the end.
    """

    kind: Literal["sandboxed", "unsandboxed"]

    def __init__(self, settings: Settings, program: Bubblewrap | None, user: BuildUser | None) -> None:
        self.kind = "unsandboxed" if program is None else "sandboxed"
        self._settings = settings
        self._program = program
        self._user = user
        self._staged = user is not None
        self._cgroups = Cgroups.find()
        self._destinations = Destinations.of(settings)
        self._visits = Visits() if settings.build_leaves_cores else None
        self._spare: KeeperProcess | None = None
        self._next: asyncio.TimerHandle | None = None

    @classmethod
    def find(cls, settings: Settings) -> Self:
        """Returns the sandbox of this machine, after a trial command. Takes a tenth of a second. Raises
        SandboxUnavailableError, BuildsOffError."""
        if settings.builds == "off":
            raise BuildsOffError
        if sys.platform != "linux":
            raise SandboxUnavailableError(
                reason="its operating system is not Linux", advice="Build on a machine with Linux."
            )
        if settings.builds == "unsandboxed":
            return cls(settings, None, None)
        machine = os.uname().machine
        if machine not in MACHINES:
            reason = f"Easel has no filter of system calls for the architecture {machine}"
            raise SandboxUnavailableError(reason=reason, advice=f"Build on x86-64 or aarch64. {trial.OTHERWISE}")
        found = Bubblewrap.find()
        if found is None:
            hint = f"Install Debian's package `bubblewrap`, or `easel[builder]`. {trial.OTHERWISE}"
            raise SandboxUnavailableError(reason="bubblewrap is not installed", advice=hint)
        try:
            sandbox = cls(settings, found, BuildUser.claim(settings))
            sandbox._try()
        except OSError as error:
            raise SandboxUnavailableError(reason=str(error), advice=trial.advice()) from error
        return sandbox

    def own(self, folder: Path) -> None:
        """Gives a folder and its content to the user of builds, with the mode 0700, if that user is not Easel's own
        user. Raises OSError."""
        if self._user is not None:
            own(folder, self._user.number)
        else:
            folder.chmod(0o700)

    async def run(
        self,
        command: Command,
        on_bytes: Callable[[bytes], None],
        should_stop: Callable[[], bool] = lambda: False,
        on_refused: Callable[[Refusal], None] = lambda refusal: None,
    ) -> CommandResult:
        """Runs the command, and passes its output to `on_bytes` as it arrives. `on_refused` is called for refused hosts
        (`EgressProxy`). All processes of the command have ended when this function returns or is
        cancelled. Raises BuildVariableInvalidError, OSError, and
        SandboxUnavailableError if the command could not be started."""
        check(command.environment)
        for mount in command.mounts:
            os.stat(mount.source)
        async with AsyncExitStack() as opened:
            proxy = EgressProxy(self._destinations, command.hosts.also(self._settings.build_hosts), on_refused)
            kept = self._take()
            opened.push_async_callback(kept.close)
            if kept.group is not None:
                kept.group.limit(command.limits)
            if self._program is None:
                url = await opened.enter_async_context(proxy.on_loopback())
                request = self._unsandboxed(command, url, opened)
            else:
                request = self._sandboxed(command, self._program)
            reserve = DiskReserve(command.work, self._settings.disk_reserve, self._settings.ballast)
            self._cancel_the_next()
            self._next = asyncio.get_running_loop().call_later(SPARE_AFTER, self._have_a_spare)
            free = self._visits, self._settings.build_leaves_cores
            running = RunningCommand(command, kept, proxy, reserve, on_bytes, should_stop, *free)
            return await running.run(request)

    def close(self) -> None:
        """Ends the keeper process that was started in advance for the next command."""
        self._cancel_the_next()
        if self._spare is not None:
            self._spare.end()
            self._spare = None

    def _cancel_the_next(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _take(self) -> KeeperProcess:
        """Returns the keeper process that was started in advance for this command, or a new one."""
        spare, self._spare = self._spare, None
        if spare is not None and not spare.waits:
            spare.end()
            spare = None
        return spare or self._new()

    def _new(self) -> KeeperProcess:
        group = self._cgroups.new() if self._cgroups is not None else None
        try:
            return KeeperProcess(group)
        except OSError:
            if group is not None:
                group.remove()
            raise

    def _have_a_spare(self) -> None:
        self._next = None
        if self._spare is None:
            # The start of the next command reports the reason.
            with suppress(OSError):
                self._spare = self._new()

    def _try(self) -> None:
        """Runs `true`. If necessary, runs it without the features that a container's root may lack: control groups that
        it can join, and the right to mount. Raises SandboxUnavailableError, OSError."""
        scratch = self._settings.run_dir
        scratch.mkdir(parents=True, exist_ok=True)
        refused: list[SandboxUnavailableError] = []
        staged, groups = self._staged, self._cgroups
        for way in dict.fromkeys(((staged, groups), (staged, None), (False, groups), (False, None))):
            self._staged, self._cgroups = way
            try:
                return self._run_true(scratch)
            except SandboxUnavailableError as error:
                refused.append(error)
        raise SandboxUnavailableError(reason=refused[0].details["reason"], advice=trial.advice()) from refused[0]

    def _run_true(self, scratch: Path) -> None:
        failed: list[BaseException] = []

        def run() -> None:
            work = Path(tempfile.mkdtemp(prefix="trial-", dir=scratch))
            try:
                self.own(work)
                command = Command(("true",), work, Limits.of(self._settings))
                asyncio.run(self.run(command, lambda data: None))
            except (OSError, SandboxUnavailableError) as error:
                failed.append(error)
            finally:
                self.close()
                shutil.rmtree(work, ignore_errors=True)

        # A thread is used, because the caller may be in an event loop.
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    def _sandboxed(self, command: Command, found: Bubblewrap) -> dict[str, Any]:
        stages: dict[str, str] = {}

        def place(path: Path) -> str:
            if not self._staged:
                return str(path.absolute())
            name = f"{len(stages)}"
            stages[name] = str(path.absolute())
            return f"{STAGE}/{name}"

        proxy = f"http://127.0.0.1:{PROXY_PORT}"
        variables = environment(proxy, CERTIFICATES, HOME, "/tmp") | git_over_https()  # noqa: S108
        hidden = (self._settings.data_dir.absolute(),)
        inside = bubblewrap.arguments(command, variables | dict(command.environment), hidden, place)
        bwrap = str(found.program)
        if self._staged and found.folders:
            for folder in found.folders:
                stages[f"bubblewrap/{folder.name}"] = str(folder)
            bwrap = f"{STAGE}/bubblewrap/{found.program.relative_to(found.folders[0].parent)}"
        return {
            "kind": "sandboxed",
            "argv": command.argv,
            "arguments": inside,
            "closing": bubblewrap.CLOSING,
            "files": bubblewrap.FILES,
            "filter": program(os.uname().machine).hex(),
            "bwrap": bwrap,
            "stages": stages,
            "user": self._user.number if self._user is not None else None,
            "limits": _rlimits(command.limits) | {"RLIMIT_NPROC": [command.limits.processes] * 2},
        }

    def _unsandboxed(self, command: Command, proxy: str, opened: AsyncExitStack) -> dict[str, Any]:
        own_folder = Path(tempfile.mkdtemp(prefix="build-"))
        opened.callback(shutil.rmtree, own_folder, ignore_errors=True)
        home, temporary = own_folder / "home", own_folder / "tmp"
        home.mkdir()
        temporary.mkdir()
        places = {HOME: str(home), BUILD: str(command.work.absolute())}
        places |= {mount.at: str(mount.source.absolute()) for mount in command.mounts}
        trusted = bubblewrap.certificates()
        variables = environment(proxy, str(trusted) if trusted is not None else None, str(home), str(temporary))
        variables |= {name: outside(value, places) for name, value in command.environment.items()}
        return {
            "kind": "unsandboxed",
            "argv": [outside(argument, places) for argument in command.argv],
            "folder": outside(command.folder, places),
            "environment": variables,
            "limits": _rlimits(command.limits),
        }


def _rlimits(limits: Limits) -> dict[str, list[int]]:
    """Returns the soft and hard limits of each process. The limit of core dumps is one byte, because the kernel then
    passes no core dump to a program of this machine either (core(5))."""
    processor = max(1, int(limits.processor))
    return {
        "RLIMIT_CORE": [1, 1],
        "RLIMIT_CPU": [processor, processor + 5],
        "RLIMIT_FSIZE": [limits.file_size, limits.file_size],
        "RLIMIT_NOFILE": [OPEN_FILES, OPEN_FILES],
    }


def log_sandbox(find: Callable[[], Sandbox]) -> None:
    """Logs whether this machine can build, or the reason why builds are refused. `find` returns the sandbox."""
    try:
        logger.info("builds run %s", find().kind)
    except EaselError as error:
        logger.warning("builds are refused: %s", error.message)
