"""All processes of a build end when the build ends, and when Easel ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from easel.builds.sandbox.cgroups import Cgroups
from easel.builds.sandbox.sandbox import Sandbox
from tests.builds.sandbox.conftest import Bench, running, until

LEAVING = (
    "trap '' TERM INT HUP; setsid sleep {mark} & (sleep {mark} & );"
    " nohup setsid sh -c '(sleep {mark} &) & sleep {mark}' > /dev/null 2>&1 & sleep 0.1; echo ready"
)


async def test_processes_that_were_left_behind_end_with_the_command(bench: Bench) -> None:
    ended = await bench.run(LEAVING.format(mark="98761"))
    assert ended.code == 0
    assert running("98761") == []


async def test_a_cancelled_build_ends_at_once(bench: Bench) -> None:
    task = asyncio.create_task(bench.run(LEAVING.format(mark="98762") + "; sleep 98762"))
    while b"ready" not in bench.output:
        await asyncio.sleep(0.01)
    assert running("98762")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running("98762") == []


async def test_a_log_that_cannot_be_written_ends_the_build(bench: Bench) -> None:
    def broken(data: bytes) -> None:
        raise RuntimeError("no room for the log")

    with pytest.raises(RuntimeError, match="no room"):
        await bench.run("echo ready; sleep 98763", on_bytes=broken)
    assert running("98763") == []


async def test_a_killed_spare_process_is_replaced(bench: Bench) -> None:
    await bench.run("true")
    while (spare := bench.sandbox._spare) is None:
        await asyncio.sleep(0.01)
    spare._process.kill()
    spare._process.wait()
    assert (await bench.run("echo here")).code == 0
    assert bench.text == "here\n"


def test_only_the_groups_of_builders_that_were_killed_are_removed(tmp_path: Path) -> None:
    ended = 2**22 + 1  # No process has a higher id (proc(5), pid_max).
    old, new, own = (
        tmp_path / name for name in (f"easel-build-{ended}-1", f"easel-build-{ended}-2", f"easel-build-{os.getpid()}-1")
    )
    for folder in (old, new, own):
        folder.mkdir()
    for folder in (old, own):
        os.utime(folder, (1, 1))
    Cgroups(2, (tmp_path,)).remove_left()
    assert sorted(tmp_path.iterdir()) == sorted([new, own])


@pytest.mark.parametrize("victim", ["builder", "keeper"])
def test_killing_easel_ends_the_build(data_dir: Path, tmp_path: Path, sandbox: Sandbox, victim: str) -> None:
    mark = {"builder": "98764", "keeper": "98765"}[victim]
    builder = subprocess.Popen([sys.executable, "-c", BUILDER, str(data_dir), str(tmp_path), LEAVING.format(mark=mark)])
    until(lambda: len(running(f"sleep\0{mark}")) >= 4)
    if victim == "builder":
        builder.kill()
    else:
        # The child of a keeper that was started in advance still has the keeper's command line.
        keepers = (process for process in children(builder.pid) if "keeper" in line(process))
        [keeper] = (one for one in keepers if any("keeper" not in line(child) for child in children(one)))
        os.kill(keeper, signal.SIGKILL)
    assert builder.wait(60) == {"builder": -9, "keeper": 3}[victim]
    until(lambda: not running(mark))


BUILDER = """
import asyncio, sys
from pathlib import Path
from easel.builds.sandbox.command import Command
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.sandbox import Sandbox
from easel.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]))
sandbox = Sandbox.find(settings)
work = Path(sys.argv[2]) / "left"
work.mkdir()
sandbox.own(work)
try:
    asyncio.run(sandbox.run(Command(("sh", "-c", sys.argv[3] + "; sleep 3600"), work, Limits.of(settings)), print))
except OSError:
    sys.exit(3)
"""


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def line(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text()
