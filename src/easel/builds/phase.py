"""Runs one command of a build in the sandbox, with its log, within the limits of the whole build."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from easel.builds import failures
from easel.builds.detect.models import Command as Words
from easel.builds.hints import LOOKED_AT, fix_in
from easel.builds.lines import LogLines
from easel.builds.report import BuildReport
from easel.builds.sandbox.command import Command, CommandResult, Mount
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.sandbox import Sandbox
from easel.builds.secrets import Masking
from easel.errors import EaselError
from easel.outgoing.hosts import HostRules
from easel.outgoing.proxy import Refusal

_SHORTEST = 1.0
"""Minimum number of seconds or bytes that remain for a command. A command with so little soon reaches its limit, and
fails with the message about that limit."""
_NOTABLE = 5.0
"""Number of seconds without a processor after which the log mentions the wait."""
_KILLED = 137
_NOT_FOUND = 127


@dataclass
class Phases:
    """Runs the commands of one build, which share the build's limits."""

    sandbox: Sandbox
    work: Path
    limits: Limits
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str]
    hosts: HostRules
    secrets: Collection[str]
    say: Callable[[str], None]
    should_stop: Callable[[], bool]
    report: BuildReport
    begin: Callable[[str], None] = lambda name: None
    """A function that is called with the name of each phase of the build (`install`, `build`) when the phase begins."""

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._logged = 0
        self._end = b""
        self._confined = 0.0
        self._is_installing = False
        self._hopeless: Refusal | None = None
        self._masking = Masking(self.secrets)

    async def run(self, name: str, words: Words, folder: str) -> None:
        """Runs a command in a folder of the sources. `name` is the name of the phase in the report. Raises
        BuildFailedError, BuildStoppedError, BuilderDiskFullError, and OSError."""
        self.begin(name)
        self._is_installing = name == "install"
        shown = self._masking.once(words if isinstance(words, str) else shlex.join(words))
        # A shell starts each command, because it reports a missing program with a separate exit code. bubblewrap would
        # report it with the same exit code as a sandbox that cannot start.
        argv = ("/bin/sh", "-c", words) if isinstance(words, str) else ("/bin/sh", "-c", 'exec "$@"', "sh", *words)
        self._end, self._hopeless = b"", None
        self.say(f"$ {shown}")
        lines = LogLines(self.say, self.secrets)
        command = Command(
            argv=argv,
            work=self.work,
            limits=self._left(),
            mounts=self.mounts,
            environment=self.environment,
            folder=f"/build/{folder}".rstrip("/"),
            hosts=self.hosts,
        )

        def take(data: bytes) -> None:
            self._logged += len(data)
            self._end = (self._end + data)[-LOOKED_AT:]
            lines.feed(data)

        try:
            ended = await self.sandbox.run(command, take, self._stops, self._refused)
        finally:
            lines.close()
        self._note(name, ended)
        if ended.reason is not None or ended.code:
            raise self._failure(name, shown, ended)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Writes a line to the log if visitors made the build slower."""
        if self._confined >= _NOTABLE:
            self.say(
                "Visitors used apps during this build, so the build left processors free for "
                f"{self._confined:.0f} seconds (EASEL_BUILD_LEAVES_CORES)."
            )

    def _stops(self) -> bool:
        # npm repeats a refused connection without end if more requests wait than `maxsockets` allows. A build command
        # may do without a host, but no installation succeeds after so many refusals.
        return self.should_stop() or (self._hopeless is not None and self._is_installing)

    def _left(self) -> Limits:
        return replace(
            self.limits,
            wall=max(_SHORTEST, self.limits.wall - (time.monotonic() - self._began)),
            processor=max(_SHORTEST, self.limits.processor - self.report.processor),
            log=max(int(_SHORTEST), self.limits.log - self._logged),
        )

    def _note(self, name: str, ended: CommandResult) -> None:
        self.report.seconds[name] = round(self.report.seconds.get(name, 0.0) + ended.seconds, 3)
        self.report.processor = round(self.report.processor + ended.processor, 3)
        self.report.peak_memory = max(self.report.peak_memory, ended.peak_memory)
        self._confined += ended.confined

    def _refused(self, refusal: Refusal) -> None:
        """Writes a refused host to the log and the report at once, because a package manager may retry for minutes."""
        # A program may have put a secret into a host's name.
        sentence = self._masking.once(refusal.sentence)
        if refusal.attempts > 1:
            self._hopeless = refusal
        if sentence not in self.report.refused:
            self.report.refused.append(sentence)
            self.report.refused_hosts.append(self._masking.once(refusal.host))
            self.say(sentence)

    def _failure(self, name: str, shown: str, ended: CommandResult) -> EaselError:
        command = shown if len(shown) <= 200 else f"{shown[:200]}…"
        if ended.reason == "memory":
            return failures.BuildOutOfMemoryError(command=command, limit=_size(self.limits.memory))
        if ended.reason == "time":
            return failures.BuildTimedOutError(command=command, seconds=self.limits.wall)
        if ended.reason == "processor":
            return failures.BuildProcessorTimeError(command=command, seconds=self.limits.processor)
        if ended.reason == "processes":
            return failures.BuildProcessesError(command=command, limit=self.limits.processes)
        if ended.reason == "disk":
            return failures.BuildDiskFullError(command=command, limit=_size(self.limits.disk))
        if ended.reason == "files":
            return failures.BuildFilesError(command=command, limit=f"{self.limits.files:,}")
        if ended.reason == "log":
            return failures.BuildLogTooLargeError(command=command, limit=_size(self.limits.log))
        if ended.reason == "disk_full":
            return failures.BuilderDiskFullError(command=command)
        if ended.reason == "stopped" and self._hopeless is not None and not self.should_stop():
            # A program may have put a secret into a host's name.
            host, sentence = self._masking.once(self._hopeless.host), self._masking.once(self._hopeless.sentence)
            return failures.InstallHostRefusedError(
                command=command, host=host, attempts=self._hopeless.attempts, sentence=sentence
            )
        if ended.reason == "stopped":
            return failures.BuildStoppedError()
        kind = failures.InstallCommandFailedError if name == "install" else failures.BuildCommandFailedError
        return kind(command=command, exit_code=ended.code, hint=_hint(name, ended, self._end))


def _hint(name: str, ended: CommandResult, output: bytes) -> str:
    """Returns the most likely reason or fix for a command that failed, for the error's message. `output` is the end of
    the command's output."""
    if fix := fix_in(output):
        return fix
    if ended.refused:
        first = ended.refused[0]
        return f"See the log for the reason. {first.sentence}"
    if ended.code == _KILLED:
        return "The command was killed, probably because it used too much memory. See the log for details."
    if ended.code == _NOT_FOUND:
        where = "the project's dependencies" if name == "build" else "the build's tools"
        return f"A program was not found among {where}. The log names the program."
    return "See the log for the reason."


def _size(count: int) -> str:
    for unit, divisor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count >= divisor:
            return f"{count / divisor:.4g} {unit}"
    return f"{count} bytes"
