"""A machine on which Easel is installed as docs/operations says, below a separate folder.

The documents' commands, the units, the script and the settings are used as written. Only their paths are moved below
the folder, the ports are free ports, and no system user `easel` is needed. Tests run without systemd, so `systemctl` is
`systemctl.py` in this folder. It starts the unit's command with the unit's environment.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from testbed.running import Platform, free_port
from tests.system.cluster import answers

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "operations"


def commands(document: str, section: str) -> list[str]:
    """Returns the shell commands in a section of a document."""
    text = (DOCS / document).read_text()
    found = re.search(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found is not None, f"{document} has no section {section}"
    return re.findall(r"```sh\n(.*?)```", found[1], re.S)


@dataclass
class Installed(Platform):
    """The machine. `folder` is its `/`."""

    folder: Path = Path()
    worker_port: int = 0
    key: str | None = None

    @property
    def api_key(self) -> str:
        return self.key or super().api_key

    def ready(self) -> None:
        """Returns once api and edge are ready."""
        deadline = time.monotonic() + 180
        while not all(answers(port) for port in (self.api_port, self.edge_port)):
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def here(self, text: str) -> str:
        """Returns the text with its places, ports and users moved to this machine."""
        for place in ("/opt/easel", "/etc/easel", "/etc/systemd", "/var/lib/easel", "/var/backups", "/usr/local/sbin"):
            text = text.replace(place, str(self.folder) + place)
        text = (
            text.replace(":8000", f":{self.api_port}")
            .replace(":9000", f":{self.api_port + 1000}")
            .replace("EASEL_EDGE_PUBLIC_PORT=443", "")
        )
        text = re.sub(r"-[og] easel\b|runuser -u easel --", "", text)
        return re.sub(r"^(User|Group)=easel$", "", text, flags=re.M)

    def does(self, script: str, environment: Mapping[str, str] | None = None, *, expect: int = 0) -> str:
        """Runs commands as written, and returns their output."""
        path = f"{self.folder}/usr/local/sbin:{self.folder}/bin:{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("EASEL_", "AWS_"))}
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", self.here(script)],
            cwd=self.folder,
            env={**kept, "PATH": path, "MACHINE": str(self.folder), "HOME": str(self.folder), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr + self.said()
        return done.stdout + done.stderr

    def said(self) -> str:
        """Returns Easel's output from the journal."""
        return self.log.read_text()[-3000:] if self.log.exists() else ""

    @property
    def log(self) -> Path:
        return self.folder / "journal"

    def configure(self, settings: str) -> None:
        """Adds this line to `/etc/easel/easel.env`, as an operator would."""
        with (self.folder / "etc/easel/easel.env").open("a") as file:
            file.write(self.here(settings) + "\n")

    def end(self) -> None:
        """Ends all processes of the machine."""
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self.folder / "run/easel.pid").read_text()), signal.SIGKILL)
        self.stop_database()


def install(folder: Path) -> Installed:
    """Returns a machine on which the program is installed, and nothing else."""
    ports = free_port(), free_port()
    machine = Installed(folder / "var/lib/easel", *ports, folder=folder, worker_port=free_port())
    for place in (
        "bin",
        "run",
        "etc/systemd/system",
        "usr/local/sbin",
        "var/lib",
        "var/backups",
        "opt/easel/.venv/bin",
    ):
        (folder / place).mkdir(parents=True)
    program(folder / "opt/easel/.venv/bin/easel", "-m easel.cli.main")
    program(folder / "bin/systemctl", str(Path(__file__).with_name("systemctl.py")))
    shutil.copytree(ROOT / "deploy", folder / "opt/easel/deploy")
    for file in (folder / "opt/easel/deploy").rglob("*"):
        if file.is_file():
            file.write_text(machine.here(file.read_text()))
    return machine


def program(path: Path, arguments: str) -> None:
    """Writes a command that Python runs."""
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
    path.chmod(0o755)
