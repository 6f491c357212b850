"""Git servers of the tests of repositories."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import easel.backups.records  # noqa: F401 (brings every table)
from easel.outgoing.addresses import Destinations
from easel.repositories.fetch.fetching import fetch
from easel.repositories.fetch.models import Branch, Commit, FetchLimits, Remote, Sha
from easel.repositories.remote_url import read_url
from testbed.git_server import GitServer, git_server

LOOPBACK = Destinations((ipaddress.ip_network("127.0.0.0/8"),))
LIMITS = FetchLimits(bytes=50_000_000, files=5_000, seconds=60)


@pytest.fixture(scope="session")
def server_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server(tmp_path_factory.mktemp("git")) as server:
        yield server


@pytest.fixture
def server(server_of_all: GitServer) -> Iterator[GitServer]:
    """Yields a Git server over HTTP. Each test uses its own repositories."""
    server_of_all.heard.clear()
    yield server_of_all
    server_of_all.before = lambda path: None


class Fetcher:
    """Fetches into its own folder, and keeps the log."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        self.tree.mkdir()
        self.said: list[str] = []

    async def __call__(
        self,
        url: str,
        ref: Branch | Sha,
        *,
        destinations: Destinations = LOOPBACK,
        limits: FetchLimits = LIMITS,
        **remote: Any,
    ) -> Commit:
        """Fetches and returns the commit, from a remote with these fields."""
        made = Remote(read_url(url), "plain", **remote)
        return await fetch(made, ref, self.tree, destinations=destinations, limits=limits, say=self.said.append)

    def files(self) -> dict[str, str]:
        """Returns the written files."""
        return {
            path.relative_to(self.tree).as_posix(): path.read_text()
            for path in sorted(self.tree.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def fetched(tmp_path: Path) -> Fetcher:
    """Returns a fetcher."""
    folder = tmp_path / "a folder of 50%h"
    folder.mkdir()
    return Fetcher(folder)
