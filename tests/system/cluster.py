"""Easel on several machines, each with its own processes of all roles, sharing PostgreSQL and a bucket."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from testbed.forking import Forked
from testbed.running import PATIENT, Platform, free_port

ROLES = ("api", "worker", "builder", "edge")
COMES_UP_WITHIN = 20
"""Seconds after which a process counts as started. This is enough on a busy machine too."""


class Machine(Platform):
    """A machine whose roles are started one by one, as by an operator."""

    @property
    def api_key(self) -> str:
        return self.environment["KEY"]


class Cluster:
    """The machines, and their processes by machine and role."""

    def __init__(self, machines: list[Machine]) -> None:
        self.machines = machines
        self.processes: dict[tuple[int, str], subprocess.Popen[bytes] | Forked] = {}
        self.ended: list[str] = []
        """The processes that ended without being killed, with their age and their exit codes."""
        self._stopping = False

    def start(self, number: int, role: str, **environment: str) -> None:
        """Starts the process with additional variables."""
        process = self.processes[number, role] = self.machines[number].launch(role, **environment)
        watch = threading.Thread(target=self._watch, args=(number, role, process), daemon=True)
        watch.start()

    def _watch(self, number: int, role: str, process: subprocess.Popen[bytes] | Forked) -> None:
        """Records the process's unexpected end. A process that cannot start may end, because it reports the reason."""
        began = time.monotonic()
        code = process.wait()
        age = time.monotonic() - began
        if code != -signal.SIGKILL and age > COMES_UP_WITHIN and not self._stopping:
            said = "".join(self.machines[number].log.read_text().splitlines(keepends=True)[-30:])
            self.ended.append(f"{role} of machine {number} ended with code {code} after {age:.0f} s:\n{said}")

    def look_after(self) -> None:
        """Restarts ended processes, as an operator's service manager does."""
        for (number, role), process in list(self.processes.items()):
            if process.poll() is not None:
                self.start(number, role)

    def stop(self) -> None:
        """Stops all processes gracefully."""
        self._stopping = True
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(180)

    def wait_until_ready(self) -> None:
        for number in range(len(self.machines)):
            for role in ("api", "edge"):
                self.wait_until_answers(number, role)

    def wait_until_answers(self, number: int, role: str) -> None:
        """Waits until the api or edge of a machine reports that it is ready. Starts the process again if it has ended
        because it found no database."""
        machine = self.machines[number]
        deadline = time.monotonic() + 180
        while not answers(machine.api_port if role == "api" else machine.edge_port):
            assert time.monotonic() < deadline, machine.log.read_text()[-3000:]
            if self.processes[number, role].poll() is not None:
                self.start(number, role)
            time.sleep(0.05)

    def kill(self, number: int, role: str) -> None:
        """Kills the process, and returns when it has ended."""
        process = self.processes[number, role]
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=60).status_code == 200
    return False


@contextmanager
def running_cluster(folder: Path, database_url: str, store: Mapping[str, str], names: list[str]) -> Iterator[Cluster]:
    """Yields machines with these names on one database and store, all of them ready, with an organisation and its
    key."""
    shared = {**PATIENT, **store, "EASEL_DATABASE_URL": database_url, "EASEL_SECRET_KEY": "the same on every machine"}
    machines = []
    for name in names:
        ports = {"EASEL_API_PORT": str(free_port()), "EASEL_EDGE_PORT": str(free_port())}
        own = {**shared, **ports, "EASEL_EDGE_PUBLIC_PORT": "8080"}
        machines.append(
            Machine(
                folder / name / "data", int(ports["EASEL_API_PORT"]), int(ports["EASEL_EDGE_PORT"]), own, forked=True
            )
        )
        machines[-1].data_dir.parent.mkdir(exist_ok=True)
    made = Cluster(machines)
    # All machines start at once. One of them prepares the database, and the others wait.
    for done in [machine.launch("migrate") for machine in machines]:
        assert done.wait(180) == 0
    key = machines[0].organisation("Shared")
    for number, machine in enumerate(machines):
        machine.environment["KEY"] = key
        for role in ROLES:
            made.start(number, role)
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.stop()
