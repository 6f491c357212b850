"""An Easel with separate roles: each process is started by its own command, two processes of every role."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from easel.places import write_private
from easel.storage.embedded import EmbeddedPostgres
from testbed.databases import debian_postgres, debian_postgres_version
from testbed.running import Platform
from tests.system.cluster import answers

ROLES = ("api", "worker", "builder", "edge")


@contextmanager
def own_database(folder: Path) -> Iterator[str]:
    """Yields a PostgreSQL that Easel does not manage: Debian's if it is installed, else one from the Python package."""
    if debian_postgres_version() is not None:
        with debian_postgres(folder) as url:
            yield url
    else:
        server = EmbeddedPostgres(folder / "postgres")
        yield server.start()
        server.stop()


@dataclass
class Apart(Platform):
    """The processes of an Easel with separate roles. They share a data folder. The two processes of a role share a
    port."""

    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *, look_every: float = 0.05) -> None:
        self.environment |= {
            "EASEL_API_PORT": str(self.api_port),
            "EASEL_EDGE_PORT": str(self.edge_port),
            "EASEL_API_PROCESSES": "2",
            "EASEL_EDGE_PROCESSES": "2",
        }
        self._say("migrate")
        # The command line on the same machine searches for the key in this file.
        write_private(self.data_dir / "api-key", self._say("organisation", "Apart"))
        there = {"api_url": self.api_url, "edge_url": f"http://{{app}}.localhost:{self.edge_port}/"}
        (self.data_dir / "server.json").write_text(json.dumps(there))
        with self.log.open("ab") as log:
            for role in ROLES * 2:
                self.processes.append(subprocess.Popen(self._command(role), stdout=log, stderr=log, env=self._all))
        deadline = time.monotonic() + 180
        while not all(answers(port) for port in (self.api_port, self.edge_port)):
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        for process in self.processes:
            process.send_signal(number)
        codes = [process.wait(180) for process in self.processes]
        self.processes.clear()
        return max(codes, key=abs)

    @property
    def _all(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "easel.cli.main", *arguments, "--data-dir", str(self.data_dir)]

    def _say(self, *arguments: str) -> str:
        done = subprocess.run(self._command(*arguments), env=self._all, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
