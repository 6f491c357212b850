"""Connecting a repository checks it once, and reports the result."""

from __future__ import annotations

import secrets
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from easel.outgoing.addresses import Destinations
from easel.repositories.checking import check, require_public_name
from easel.repositories.errors import PrivateRepositoryHostError
from easel.repositories.fetch.models import Remote
from easel.repositories.fetch.probing import likeliest, probe
from easel.repositories.models import Repository
from easel.repositories.remote_url import read_url
from easel.repositories.schemas import RepositoryCheck
from easel.settings import Settings
from testbed.git_server import GitServer
from tests.repositories.conftest import LOOPBACK
from tests.world import World


async def checked(world: World, server: GitServer, place: str, branch: str, **fields: Any) -> RepositoryCheck:
    row = Repository(repo_url=f"{server.url}/{place}", branch=branch, provider="plain", allow=[], **fields)
    own = world.settings.model_copy(update={"private_networks": ("127.0.0.0/8",)})
    return await check(world.vault, own, row, has_new_key=False)


def test_the_result_of_a_check_is_a_sentence(world: World, server: GitServer) -> None:
    async def go() -> None:
        place = f"{secrets.token_hex(4)}.git"
        repository = server.repository(place)
        empty = await checked(world, server, place, "main")
        assert (empty.code, empty.message.endswith("It has no branches yet.")) == ("branch_not_found", True)
        sha = repository.commit({"a": ""})
        for name in ("Release", "release-2", "feature/main"):
            repository.git("update-ref", f"refs/heads/{name}", sha)
        # This tag ends like the branch, but is a different ref.
        repository.git("update-ref", "refs/tags/refs/heads/release", sha)
        read = await checked(world, server, place, "main")
        assert (read.status, read.commit, sha[:12] in read.message) == ("read", sha, True)
        missing = await checked(world, server, place, "release")
        assert (missing.status, missing.code) == ("failed", "branch_not_found")
        assert missing.branches == ["Release", "release-2", "main", "feature/main"]
        assert "Its branches: `Release`, `release-2`, `main`, `feature/main`." in missing.message
        for other, code in (
            ("none.git", "repository_not_found"),
            ("private/x.git", "repository_credentials_refused"),
            ("moved/x.git", "repository_moved"),
            ("broken/x.git", "repo_host_unreachable"),
        ):
            found = await checked(world, server, other, "main")
            assert (found.status, found.code) == ("failed", code)
        locked = server.repository(f"private/{place}")
        locked.commit({"a": ""})
        token = world.vault.seal(server.password)
        opened = await checked(world, server, f"private/{place}", "main", username=server.user, sealed_token=token)
        assert opened.status == "read"
        assert not list(world.settings.scratch_dir.glob(".probe-*"))

    world.do(go())


async def test_a_silent_host_is_given_up_in_time(server: GitServer, tmp_path: Path) -> None:
    server.before = lambda path: time.sleep(1.5)
    remote = Remote(read_url(f"{server.url}/x.git"), "plain")
    with pytest.raises(Exception, match=r"timed out after 0 s"):
        await probe(remote, "main", destinations=LOOPBACK, within=tmp_path, seconds=0.3)
    assert list(tmp_path.iterdir()) == []


async def test_a_name_of_a_private_network_is_refused_while_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(name: str, port: int, **how: Any) -> list[Any]:
        if name == "unknown.example.com":
            raise socket.gaierror(-2, "Name or service not known")
        address = "::ffff:10.1.2.3" if name == "mapped.example.com" else "192.168.7.7"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("1.1.1.1", address)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    plain = Settings()
    for url in ("https://git.example.com./a/b", "git@mapped.example.com:a/b", "ssh://x@GIT.example.com:2222/a"):
        with pytest.raises(PrivateRepositoryHostError, match="EASEL_PRIVATE_NETWORKS"):
            await require_public_name(plain, url)
    allowed = plain.model_copy(update={"private_networks": ("192.168.0.0/16",)})
    await require_public_name(allowed, "https://git.example.com/a/b")
    await require_public_name(plain, "https://unknown.example.com/a/b")
    assert Destinations.of(allowed).private_networks


def test_the_most_similar_branch_names_come_first() -> None:
    names = dict.fromkeys(["zebra", "master", "maintenance", "dev", "MAIN", "develop", "mai"], "")
    assert likeliest("main", names) == ("MAIN", "maintenance", "mai", "develop", "master")
    assert likeliest("x", {}) == ()
