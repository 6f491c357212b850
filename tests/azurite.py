"""Azure Blob Storage on this machine: Azurite, Microsoft's emulator, fetched from npm once and cached."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from testbed.running import free_port
from testbed.stores import serving

SOURCE = Path(__file__).parent / "data" / "azurite"
CACHE = Path(__file__).parents[1] / ".cache"
ACCOUNT, KEY = "easelaccount", base64.b64encode(b"the account's key, of 64 bytes".ljust(64)).decode()
VERSION = "2023-11-03"

AZURITE = pytest.param("azurite", marks=pytest.mark.network)
"""A store for tests that run on several stores. It must be fetched first."""

_FETCH_SECONDS = 90


class AzuriteUnavailable(Exception):
    """Azurite cannot be run: Node is missing, or npm could not fetch it."""


@dataclass(frozen=True)
class Container:
    """A container on a running Azurite."""

    port: int
    name: str

    @property
    def endpoint(self) -> str:
        """Returns the account's address. Azure has the account in the host name, Azurite in the path."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def environment(self, prefix: str) -> dict[str, str]:
        """Returns the variables with which Easel stores its objects in the container, under the prefix."""
        return {
            "EASEL_OBJECTS_URL": f"az://{self.name}/{prefix}",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": self.endpoint,
            "AZURE_ALLOW_HTTP": "true",
        }

    def create(self) -> None:
        """Creates the container with Azure's "Create Container" and a shared key, because Easel's libraries cannot
        create one."""
        date = formatdate(usegmt=True)
        headers = {"x-ms-date": date, "x-ms-version": VERSION}
        signed = ["PUT", *[""] * 11, *(f"{name}:{value}" for name, value in headers.items())]
        signed += [f"/{ACCOUNT}/{ACCOUNT}/{self.name}", "restype:container"]
        signature = hmac.new(base64.b64decode(KEY), "\n".join(signed).encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
        url = f"{self.endpoint}/{self.name}?restype=container"
        httpx.put(url, headers=headers, trust_env=False, timeout=60).raise_for_status()


@contextmanager
def azurite() -> Iterator[Container]:
    """Yields a container on Azurite, which stores all objects in memory. Raises AzuriteUnavailable."""
    container = Container(free_port(), "easel")
    command = [_found("node"), str(_installed()), "--inMemoryPersistence", "--silent"]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(container.port)]
    with serving(command, container.port, AZURITE_ACCOUNTS=f"{ACCOUNT}:{KEY}"):
        container.create()
        yield container


def _installed() -> Path:
    """Returns the path of Azurite's program. Installs it by its lock file if it is missing."""
    lock = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    home = CACHE / f"azurite-{lock[:12]}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "azurite.lock").open("w") as guard:
        # Tests run in several processes, and only one of them fetches Azurite.
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not home.exists():
            draft = home.with_suffix(".part")
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(SOURCE, draft)
            _fetch(draft)
            draft.rename(home)
    return home / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


def _fetch(folder: Path) -> None:
    retries = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    command = [_found("npm"), "ci", "--ignore-scripts", "--omit=dev", "--omit=optional", "--loglevel=error", *retries]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise AzuriteUnavailable(f"npm did not fetch Azurite within {_FETCH_SECONDS} s") from None
    if done.returncode != 0:
        raise AzuriteUnavailable(
            f"npm could not fetch Azurite: {done.stderr.replace('npm error ', '').splitlines()[:3]}"
        )


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise AzuriteUnavailable(f"Azurite needs {program}, which is not installed")
    return path
