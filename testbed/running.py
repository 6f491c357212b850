"""An Easel that runs as a user runs it, for benchmarks and tests."""

from __future__ import annotations

import io
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
from obstore.store import AzureStore, LocalStore, S3Store

from testbed.ending import end_with_us

if TYPE_CHECKING:
    # A benchmark runs Easels of earlier commits, with which forking does not work.
    from testbed.forking import Forked, Forks

METRICS_ABOVE = 1000
"""The default distance of the private port of an api or edge above its public port."""
PATIENT = {"EASEL_REFRESH_TIMEOUT": "30"}
"""The settings of an Easel on a busy machine. By default, visitors get the last known state after a second."""


def free_port(following: int = 0) -> int:
    """Returns a free port of this machine. The `following` ports after it, and their private ports, are free too.

    The port is below the range for outgoing connections, so that no such connection can take it before a server
    listens.
    """
    while True:
        first = random.randrange(10_000, 32_000 - METRICS_ABOVE - following)
        with ExitStack() as probes, suppress(OSError):
            for port in range(first, first + following + 1):
                for one in (port, port + METRICS_ABOVE):
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", one))
            return first


def _forks() -> Forks:
    from testbed.forking import forks

    return forks()


@dataclass
class Platform:
    """A running `easel serve`."""

    data_dir: Path
    api_port: int
    edge_port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | Forked | None = None
    forked: bool = False
    """True if commands are forked from a process that has imported the modules. They start faster than a user's
    commands."""

    @property
    def api_url(self) -> str:
        """Returns the api's address."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def api_key(self) -> str:
        """Returns the first key, which has all scopes."""
        return (self.data_dir / "api-key").read_text().strip()

    @property
    def log(self) -> Path:
        """Returns the output of the process."""
        return self.data_dir.with_suffix(".log")

    def start(self, *, look_every: float = 0.05) -> None:
        """Starts Easel, and returns when it reports that it is ready, which is checked at this interval (seconds).
        Raises RuntimeError with the last lines of the output."""
        ports = ("--api-port", str(self.api_port), "--edge-port", str(self.edge_port))
        begin = self.log.stat().st_size if self.log.exists() else 0
        self.process = self.launch("serve", *ports)
        deadline = time.monotonic() + 180
        while b"easel: Ready" not in self.log.read_bytes()[begin:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"easel serve did not get ready:\n{self.log.read_text()[-4000:]}")
            time.sleep(look_every)

    def launch(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes] | Forked:
        """Starts an operator's command, whose output goes to the log, with these additional variables."""
        given = (name, "--data-dir", str(self.data_dir), *arguments)
        env = {**os.environ, **self.environment, **environment}
        with self.log.open("ab") as log:
            if self.forked:
                return _forks().start(*given, env=env, stdout=log, stderr=log)
            command = [sys.executable, "-m", "easel.cli.main", *given]
            process = subprocess.Popen(command, stdout=log, stderr=log, env=env, start_new_session=True)
        end_with_us(process.pid)
        return process

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs an operator's command to its end."""
        given = (name, *arguments, "--data-dir", str(self.data_dir))
        env = {**os.environ, **self.environment}
        if self.forked:
            return _forks().run(*given, env=env)
        command = [sys.executable, "-m", "easel.cli.main", *given]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal, waits for the end, and returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(180)

    def stop_database(self) -> None:
        """Stops a PostgreSQL that has survived a killed Easel."""
        with suppress(FileNotFoundError, ProcessLookupError, IndexError, ValueError):
            os.kill(int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGINT)

    def organisation(self, name: str) -> str:
        """Creates another organisation, and returns its first key, which has all scopes."""
        done = self.run("organisation", name)
        done.check_returncode()
        return done.stdout.strip()

    def settle(self, seconds: float = 600) -> None:
        """Returns once no background work is left. Raises AssertionError after that many seconds."""
        deadline = time.monotonic() + seconds
        with self.database() as connection:
            query = "select exists (select from procrastinate_jobs where status in ('todo', 'doing'))"
            while connection.execute(query).fetchone() != (False,):
                assert time.monotonic() < deadline, "there is still work in the background"
                time.sleep(0.1)

    def vacuum(self) -> None:
        """Runs the database's vacuum, which the database itself would start a minute after many writes."""
        with self.database() as connection:
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        """Returns a connection to the platform's database. Every statement is a separate transaction."""
        return psycopg.connect(self.database_url, autocommit=True)

    @property
    def database_url(self) -> str:
        """Returns the URL of the platform's database: the configured URL, or the embedded database's URL while that
        database runs."""
        own = f"postgresql://postgres@/postgres?host={self.data_dir / 'postgres'}"
        return self.environment.get("EASEL_DATABASE_URL", own)

    def objects(self) -> LocalStore | S3Store | AzureStore:
        """Returns the folder or bucket of the platform's objects, for inspection or damage."""
        url = self.environment.get("EASEL_OBJECTS_URL")
        if url is None:
            return LocalStore(self.data_dir / "objects")
        scheme, _, path = url.partition("://")
        bucket, _, prefix = path.partition("/")
        if scheme == "az":
            return AzureStore(
                bucket,
                prefix=prefix,
                endpoint=self.environment["AZURE_STORAGE_ENDPOINT"],
                account_name=self.environment["AZURE_STORAGE_ACCOUNT_NAME"],
                account_key=self.environment["AZURE_STORAGE_ACCOUNT_KEY"],
                client_options={"allow_http": True},
            )
        return S3Store(
            bucket,
            prefix=prefix,
            endpoint=self.environment["AWS_ENDPOINT_URL"],
            region=self.environment["AWS_REGION"],
            access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
        )

    def client(self, key: str | None = None) -> httpx.Client:
        """Returns an HTTP client for the api, with the first key or the given key."""
        return httpx.Client(
            base_url=self.api_url,
            headers={"Authorization": f"Bearer {key or self.api_key}"},
            timeout=60,
            trust_env=False,
            verify=False,
        )

    def private(self, role: str, path: str) -> httpx.Response:
        """Returns the response of the private port of the platform's (first) api or edge."""
        port = (self.api_port if role == "api" else self.edge_port) + METRICS_ABOVE
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=60)

    def visit(self, host: str, path: str = "/", method: str = "GET", **headers: str) -> httpx.Response:
        """Returns the response to a visitor of a host (`shop`, `staging-shop`, …), without following redirects."""
        # Loading the certificate authorities takes a hundred times as long as a visit.
        with httpx.Client(trust_env=False, timeout=60, verify=False) as client:
            return client.request(
                method,
                f"http://127.0.0.1:{self.edge_port}{path}",
                headers={
                    "Host": f"{host}.localhost:{self.edge_port}",
                    **{name.replace("_", "-"): value for name, value in headers.items()},
                },
            )


def make_platform(folder: Path, **environment: str) -> Platform:
    """Returns a platform on a fresh folder. The platform is not started yet."""
    # `easel serve` writes its note to another place than a real server of this user does.
    given = {"XDG_STATE_HOME": str(folder / "state"), **PATIENT, **environment}
    return Platform(folder / "data", free_port(), free_port(), given)


def forked_platform(folder: Path, **environment: str) -> Platform:
    """Returns the same platform, but with commands that are forked from a process that has imported the modules."""
    made = make_platform(folder, **environment)
    made.forked = True
    return made


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    """Returns a zip with these files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@dataclass
class RunningApp:
    """An app on a platform, used as a front-end team uses it."""

    platform: Platform
    client: httpx.Client
    app_id: str
    slug: str

    @staticmethod
    def create(platform: Platform, slug: str | None = None, key: str | None = None, **config: Any) -> RunningApp:
        """Returns a new app."""
        client = platform.client(key)
        name = slug or f"t-{secrets.token_hex(5)}x"
        answer = client.post("/v1/apps", json={"slug": name, "meta": {"title": name}, **config})
        assert answer.status_code == 200, answer.text
        return RunningApp(platform, client, answer.json()["app_id"], name)

    @property
    def path(self) -> str:
        """Returns the app's path in the api."""
        return f"/v1/apps/{self.app_id}"

    def upload(self, data: bytes | Path) -> str:
        """Uploads a bundle, and returns its key."""
        issued = self.client.post(f"{self.path}/deploy/upload-url", json={"filename": "bundle.zip"})
        assert issued.status_code == 200, issued.text
        content = data.read_bytes() if isinstance(data, Path) else data
        put = httpx.put(
            issued.json()["upload_url"],
            content=content,
            headers={"Content-Type": "application/zip"},
            trust_env=False,
            timeout=60,
            verify=False,
        )
        assert put.status_code == 200, put.text
        return str(issued.json()["bundle_s3_key"])

    def order(self, key: str, **fields: Any) -> str:
        """Requests a deploy of an uploaded bundle, and returns its id."""
        answer = self.client.post(f"{self.path}/deploy", json={"message": "a deploy", "bundle_s3_key": key, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["deploy_id"])

    def status(self, deploy_id: str) -> dict[str, Any]:
        """Returns the status of a deploy."""
        answer = self.client.get(f"{self.path}/deploys/{deploy_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait(self, deploy_id: str, seconds: float = 180) -> dict[str, Any]:
        """Waits until a deploy has ended, and returns its last status."""
        deadline = time.monotonic() + seconds
        while (status := self.status(deploy_id))["status"] not in ("complete", "failed"):
            assert time.monotonic() < deadline, f"the deploy did not end: {status}"
            time.sleep(0.01)
        return status

    def deploy(self, files: Mapping[str, str | bytes] | bytes | Path, **fields: Any) -> dict[str, Any]:
        """Uploads, deploys and waits. Returns the last status."""
        data = files if isinstance(files, bytes | Path) else zip_of(files)
        return self.wait(self.order(self.upload(data), **fields))

    def visit(self, path: str = "/", environment: str | None = None, **headers: str) -> httpx.Response:
        """Returns the response to a visitor of the app."""
        host = self.slug if environment is None else f"{environment}-{self.slug}"
        return self.platform.visit(host, path, **headers)
