"""A test run that is ended leaves no servers behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.waiting import until

RUN = """
import subprocess, sys
from testbed.ending import end_with_us
servers = [subprocess.Popen(["sleep", "3600"], stdout=subprocess.DEVNULL, start_new_session=True) for _ in range(2)]
for server in servers:
    end_with_us(server.pid)
servers[0].kill()
servers[0].wait()
print(servers[1].pid, flush=True)
sys.stdin.read()
"""


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_servers_of_a_run_end_with_the_run(number: signal.Signals) -> None:
    folder = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stdout is not None
        server = int(run.stdout.readline())
        assert is_running(server)
        run.send_signal(number)
    until(lambda: not is_running(server), lambda: "the server still runs")
