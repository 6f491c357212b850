"""Real S3 servers on this machine, for benchmarks and tests: moto, and rclone as a second, independent server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import httpx
from obstore.store import S3Store

from testbed.ending import end_with_us
from testbed.running import free_port

ACCESS_KEY, SECRET_KEY = "easel-access", "easel-secret"


@dataclass(frozen=True)
class Bucket:
    """A bucket on a running S3 server."""

    port: int
    name: str
    process: subprocess.Popen[bytes] | None = None

    def environment(self, prefix: str) -> dict[str, str]:
        """Returns the variables with which Easel stores its objects in the bucket, under the prefix."""
        return {
            "EASEL_OBJECTS_URL": f"s3://{self.name}/{prefix}",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def objects(self, prefix: str) -> S3Store:
        """Returns the objects in the bucket under the prefix."""
        return S3Store(
            self.name,
            prefix=prefix,
            endpoint=f"http://127.0.0.1:{self.port}",
            region="us-east-1",
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            client_options={"allow_http": True},
        )


@contextmanager
def moto() -> Iterator[Bucket]:
    """Yields a bucket on moto's server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    # The bucket's own rules decide which other origins may upload.
    with serving(command, port, MOTO_DISABLE_GLOBAL_CORS="true") as process:
        httpx.put(f"http://127.0.0.1:{port}/easel", trust_env=False, timeout=60).raise_for_status()
        yield Bucket(port, "easel", process)


@contextmanager
def rclone(folder: Path) -> Iterator[Bucket]:
    """Yields a bucket on `rclone serve s3`, which stores its objects in the folder."""
    port = free_port()
    (folder / "easel").mkdir(parents=True)
    beside = Path(sys.executable).with_name("rclone")
    program = str(beside) if beside.exists() else which("rclone")
    assert program is not None, "rclone is not installed"
    command = [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    with serving(
        [*command, "--vfs-cache-mode", "off", "--cache-dir", str(folder / "cache"), str(folder)], port
    ) as process:
        yield Bucket(port, "easel", process)


@contextmanager
def serving(command: list[str], port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a server with the command, and yields its process when it responds on the port. Raises RuntimeError if it
    never responds."""
    env = {**os.environ, **environment}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=env
    )
    end_with_us(process.pid)
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=60)
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start") from None
                time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()
