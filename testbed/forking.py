"""Starts `easel …` by a fork of a process that has imported all modules, within a few milliseconds.

Importing the modules takes a second of processor time, and the tests start Easel hundreds of times. A forked process is
like any other process. It has its own environment, folder and files, runs the command's `main`, and ends as Python
ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from setproctitle import getproctitle, setproctitle

from easel.cli.main import main
from easel.running.nursery import MODULES, PREPARING, received
from testbed.ending import end_with_us

_LENGTH = struct.Struct("!I")
_NUMBER = struct.Struct("!i")
_FILES = 4
"""The number of descriptors in a request: stdin, stdout, stderr, and the channel for the id and the exit code."""


class Forked:
    """A running `easel …`, with those methods of `subprocess.Popen` that tests need."""

    def __init__(self, channel: socket.socket, arguments: Sequence[str]) -> None:
        self._channel = channel
        self._arguments = list(arguments)
        self.returncode: int | None = None
        (self.pid,) = _NUMBER.unpack(received(channel, _NUMBER.size))
        end_with_us(self.pid)

    def poll(self) -> int | None:
        """Returns the exit code. Returns None while the process runs."""
        if self.returncode is None:
            with suppress(TimeoutError):
                self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end of the process, and returns its exit code. A negative exit code is the number of the signal
        that ended the process. Raises TimeoutError."""
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._channel, select.POLLIN)
            if not ended.poll(None if timeout is None else timeout * 1000):
                raise TimeoutError(self._arguments)
            # MSG_PEEK leaves the code in the channel for other waiting threads.
            (self.returncode,) = _NUMBER.unpack(self._channel.recv(_NUMBER.size, socket.MSG_PEEK | socket.MSG_WAITALL))
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal to the process, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)


@cache
def forks() -> Forks:
    """Returns the fork server of this process, started at the first call."""
    return Forks()


class Forks:
    """A process that has imported all modules, and forks other processes. It ends with its parent. The forked processes
    continue."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[1],
                start_new_session=True,
            )

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdout: IO[bytes] | int = subprocess.DEVNULL,
        stderr: IO[bytes] | int = subprocess.DEVNULL,
    ) -> Forked:
        """Starts `easel …` in a new session, with an empty stdin."""
        request = json.dumps([arguments, dict(env), str(cwd or Path.cwd())]).encode()
        ours, theirs = socket.socketpair()
        with theirs, open(os.devnull, "r+b") as nothing:
            out, err = (nothing if one == subprocess.DEVNULL else one for one in (stdout, stderr))
            files = [one if isinstance(one, int) else one.fileno() for one in (nothing, out, err, theirs)]
            with self._lock:
                socket.send_fds(self._control, [_LENGTH.pack(len(request))], files)
                self._control.sendall(request)
        return Forked(ours, arguments)

    def run(
        self, *arguments: str, env: Mapping[str, str], cwd: Path | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Runs `easel …`, and returns its output and exit code. Raises TimeoutError after `timeout` seconds."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.start(*arguments, env=env, cwd=cwd, stdout=out, stderr=err)
            try:
                code = process.wait(timeout)
            except TimeoutError:
                process.kill()
                raise
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode())
        return subprocess.CompletedProcess(["easel", *arguments], code, *said)


def _serve(control: socket.socket) -> None:
    """Forks a process for each request. Returns in each forked process, which then calls `main`."""
    gc.disable()
    for name in dict.fromkeys((*(name for names in MODULES.values() for name in names), PREPARING, *_FURTHER)):
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    # The first call finds the memory of the process title. To find it, the call needs the environment of the process's
    # start.
    getproctitle()
    # This process does not wait for its children, so the kernel removes ended children at once.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        head, files, _, _ = socket.recv_fds(control, _LENGTH.size, _FILES)
        if not head:
            os._exit(0)
        request = received(control, _LENGTH.unpack(head)[0])
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _wait_or_be(files, *json.loads(request))
        for file in files:
            os.close(file)


_FURTHER = (
    "alembic.command",
    "easel.backups.audit",
    "easel.backups.service",
    "easel.cli.server.backup",
    "easel.cli.server.serve",
    "easel.cli.server.verify",
    "easel.running.operating",
    "easel.running.supervisor",
    "psycopg",
)
"""Further modules of commands. PostgreSQL's package is not among them, because it searches for its programs during its
import."""


def _wait_or_be(files: list[int], arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Forks once more. The parent reports the child's id and end. The child returns."""
    *standard, channel = files
    child = os.fork()
    if child != 0:
        with suppress(OSError), socket.socket(fileno=channel) as told:
            for file in standard:
                os.close(file)
            told.sendall(_NUMBER.pack(child))
            _, status = os.waitpid(child, 0)
            told.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os._exit(0)
    os.setsid()
    for number, file in enumerate(standard):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["easel", *arguments]
    setproctitle(" ".join(sys.argv))


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    main()
