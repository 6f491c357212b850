"""One commit over ssh, from a real sshd: with a deploy key that Easel made, from a host with a known key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from easel.repositories import errors
from easel.repositories.deploy_keys import make_key
from easel.repositories.fetch.fetching import DEPTH
from easel.repositories.fetch.models import Branch, Sha
from easel.repositories.host_keys import read_known_hosts
from easel.repositories.remote_url import read_url
from testbed.git_server import SSHD, BareRepository, SshServer, ssh_server
from tests.repositories.conftest import Fetcher

pytestmark = pytest.mark.skipif(SSHD is None, reason="sshd is not on this machine; install Debian's openssh-server")

KEY = make_key("easel-tests")
MAIN = Branch("main")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh"), KEY.public) as server:
        yield server


@pytest.fixture(scope="module")
def old_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """Yields an sshd to which clients cannot send their protocol version, as by Debian's default."""
    with ssh_server(tmp_path_factory.mktemp("ssh"), KEY.public, protocol=False) as server:
        yield server


def known(server: SshServer) -> str:
    return read_known_hosts(server.known_hosts, read_url(server.url("x.git")))


async def test_a_deploy_key_opens_a_repository_over_ssh(sshd: SshServer, fetched: Fetcher) -> None:
    repository = BareRepository.create(sshd.root / "team" / "app.git")
    old = repository.commit({"index.html": "one"})
    repository.commit({"index.html": "two"})
    url = sshd.url("team/app.git")
    commit = await fetched(url, Sha(old), deploy_key=KEY.private, known_hosts=known(sshd))
    assert commit.sha == old
    assert fetched.files() == {"index.html": "one"}
    with pytest.raises(errors.RepositoryNotFoundError):
        await fetched(sshd.url("none.git"), MAIN, deploy_key=KEY.private, known_hosts=known(sshd))


async def test_another_deploy_key_is_refused(sshd: SshServer, fetched: Fetcher) -> None:
    other = make_key("other")
    with pytest.raises(errors.CredentialsRefusedError):
        await fetched(sshd.url("app.git"), MAIN, deploy_key=other.private, known_hosts=known(sshd))


async def test_a_host_with_an_unknown_or_different_key_is_refused(sshd: SshServer, fetched: Fetcher) -> None:
    url = sshd.url("app.git")
    with pytest.raises(errors.HostKeyUnknownError):
        await fetched(url, MAIN, deploy_key=KEY.private)
    impostor = read_known_hosts(make_key("").public, read_url(url))
    with pytest.raises(errors.HostKeyChangedError):
        await fetched(url, MAIN, deploy_key=KEY.private, known_hosts=impostor)


async def test_a_server_of_the_old_protocol_gives_commits_near_the_branchs_end(
    old_sshd: SshServer, fetched: Fetcher
) -> None:
    repository = BareRepository.create(old_sshd.root / "app.git")
    first = repository.commit({"index.html": "one"})
    second = repository.commit({"index.html": "two"}, after=first)
    away = repository.commit({"index.html": "away"}, branch="other")
    repository.git("update-ref", "-d", "refs/heads/other")
    access: dict[str, Any] = {"deploy_key": KEY.private, "known_hosts": known(old_sshd)}
    url = old_sshd.url("app.git")
    assert (await fetched(url, MAIN, **access)).sha == second
    assert (await fetched(url, Sha(first, "main"), **access)).sha == first
    assert fetched.said == [
        f"127.0.0.1 does not send single commits, so Easel searches for {first[:12]} "
        f"among the last {DEPTH} commits of main"
    ]
    with pytest.raises(errors.CommitNotReachableError, match="newest commits"):
        await fetched(url, Sha(away, "main"), **access)
