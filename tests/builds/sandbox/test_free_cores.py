"""A build leaves one processor free while visitors come."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from easel.builds.sandbox import free_cores
from easel.builds.sandbox.free_cores import Visits
from tests.builds.sandbox.conftest import Bench

CORES = len(os.sched_getaffinity(0))


@pytest.fixture
def edge() -> Iterator[subprocess.Popen[bytes]]:
    """Yields a process that is as busy as an edge with many visitors."""
    busy = subprocess.Popen([sys.executable, "-ISc", "while True: pass"])
    yield busy
    busy.kill()
    busy.wait()


@pytest.mark.skipif(CORES < 2, reason="this machine has one processor")
async def test_a_build_has_one_processor_less_until_visitors_stop_coming(
    bench: Bench, edge: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_cores, "WINDOW", 0.05)
    monkeypatch.setattr(free_cores, "AFTER", 0.1)
    monkeypatch.setattr(bench.sandbox, "_visits", Visits(lambda: [edge.pid]))
    over = False

    async def cores(wanted: int) -> None:
        async with asyncio.timeout(60):
            bench.output.clear()
            while bench.text.splitlines()[:-1][-1:] != [str(wanted)]:
                await asyncio.sleep(0.01)

    # The loop's programs are new processes, and inherit the processors of the shell that starts them.
    running = asyncio.create_task(bench.run("while :; do nproc; sleep 0.01; done", should_stop=lambda: over))
    await cores(CORES - 1)
    edge.send_signal(signal.SIGSTOP)
    await cores(CORES)
    over = True
    assert (await running).confined > 0


def test_only_edges_of_the_same_easel_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getppid", os.getpid)
    script = "import setproctitle, sys; setproctitle.setproctitle(sys.argv[1]); print(flush=True); sys.stdin.read()"
    titles = ("easel: edge", "easel: worker")
    started = [
        subprocess.Popen([sys.executable, "-c", script, title], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for title in titles
    ]
    try:
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        assert free_cores.edges() == (started[0].pid,)
    finally:
        for process in started:
            process.communicate()


def test_edges_that_have_ended_do_not_count() -> None:
    assert not Visits(lambda: [2**22 + 1]).come()
