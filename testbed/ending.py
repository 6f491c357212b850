"""Ends the servers of a test run that was itself ended, for example by `timeout`.

A run that is ended with SIGTERM or SIGKILL closes no fixture. Its servers are in sessions of their own, so nothing else
would end them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path


def end_with_us(process: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Sends the signal to the process (its id) when this process has ended for any reason, unless the other process has
    ended before."""
    with suppress(OSError):
        os.write(_reaper(), f"{process} {int(number)} {_start(process)}\n".encode())


def end_database_with_us(folder: Path) -> None:
    """Stops the running PostgreSQL of this data folder when this process has ended for any reason. SIGINT closes the
    connections first."""
    end_with_us(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGINT)


@cache
def _reaper() -> int:
    """Starts a process that reads from this process, and returns the descriptor to write to. The system closes the
    descriptor at the end of this process."""
    reading, writing = os.pipe()
    with open(os.devnull, "r+b") as nothing:
        subprocess.Popen(
            [
                sys.executable,
                "-ISc",
                f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r});"
                "from testbed.ending import reap; reap()",
            ],
            stdin=reading,
            stdout=nothing,
            stderr=nothing,
            start_new_session=True,
        )
    os.close(reading)
    return writing


def _start(process: int) -> str:
    """Returns the time at which a process has started, because the system uses ids again. Returns "" for a process that
    has ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if stat[0] == "Z" else stat[19]


def reap() -> None:
    """Reads processes from stdin until its end, and then ends those that still run."""
    for line in sys.stdin.read().splitlines():
        process, number, start = line.split(" ")
        if start and _start(int(process)) == start:
            with suppress(ProcessLookupError):
                os.kill(int(process), int(number))
