"""What the tests share: one Easel, started the way a user starts it, with real parts."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Platform:
    """A running `easel serve`."""

    data_dir: Path
    api_port: int
    edge_port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def api_key(self) -> str:
        return (self.data_dir / "api-key").read_text().strip()

    @property
    def log(self) -> Path:
        return self.data_dir.with_suffix(".log")

    def start(self) -> None:
        """Starts it and returns once it says that it is ready."""
        command = [sys.executable, "-m", "easel.cli.main", "serve"]
        command += ["--data-dir", str(self.data_dir)]
        command += ["--api-port", str(self.api_port), "--edge-port", str(self.edge_port)]
        with self.log.open("ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **self.environment}, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while b"easel: Ready." not in self.log.read_bytes()[begin:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"easel serve did not get ready:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal and waits for the end; gives the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(90)

    def client(self, key: str | None = None) -> httpx.Client:
        """An HTTP client for the api, with the first key or the given one."""
        return httpx.Client(
            base_url=self.api_url,
            headers={"Authorization": f"Bearer {key or self.api_key}"},
            timeout=30,
            trust_env=False,
        )

    def visit(self, host: str, path: str = "/", method: str = "GET", **headers: str) -> httpx.Response:
        """What a visitor of a host (`shop`, `staging-shop`, …) gets; nothing is followed or decoded for them."""
        with httpx.Client(trust_env=False, timeout=30) as client:
            return client.request(
                method,
                f"http://127.0.0.1:{self.edge_port}{path}",
                headers={
                    "Host": f"{host}.localhost:{self.edge_port}",
                    **{name.replace("_", "-"): value for name, value in headers.items()},
                },
            )


def make_platform(folder: Path, **environment: str) -> Platform:
    """A platform on a fresh folder, not started yet."""
    return Platform(folder / "data", free_port(), free_port(), environment)


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """One platform for all tests of a session; they use apps of their own."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        running = make_platform(Path(folder))
        running.start()
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture
def slug() -> str:
    """A slug that no other test uses."""
    return f"t-{secrets.token_hex(5)}x"
