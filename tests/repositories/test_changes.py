"""A fetched commit is compared with another commit of its repository, which is fetched as well."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from easel.repositories.fetch import changes
from easel.repositories.fetch.fetching import fetching
from easel.repositories.fetch.models import Branch, FetchLimits, Remote
from easel.repositories.remote_url import read_url
from testbed.git_server import SSHD, BareRepository, GitServer, ssh_server
from tests.repositories.conftest import LIMITS, LOOPBACK
from tests.repositories.test_fetching_ssh import KEY, known

FIRST = {"index.html": "one", "docs/a.md": "a", "src/old name.js": "moved", "gone": "x"}
SECOND = {"index.html": "two", "docs/a.md": "a", "src/Übung\n.js": "moved", "new": "y"}
CHANGED = ["gone", "index.html", "new", "src/old name.js", "src/Übung\n.js"]


async def compared(url: str, sha: str, tmp_path: Path, limits: FetchLimits = LIMITS, **remote: Any) -> list[str] | None:
    tree = tmp_path / secrets.token_hex(4) / "tree"
    tree.mkdir(parents=True)
    made = Remote(read_url(url), "plain", **remote)
    async with fetching(
        made, Branch("main"), tree, destinations=LOOPBACK, limits=limits, say=lambda line: None
    ) as fetched:
        assert (tree / "index.html").read_text() == "two"
        return await fetched.changed_since(sha)


def made(repository: BareRepository, after: Mapping[str, str] = SECOND) -> str:
    """Returns the id of the first commit. Two other commits follow it."""
    first = repository.commit(FIRST)
    middle = repository.commit({"index.html": "between", "unfinished": ""}, after=first)
    repository.commit(after, after=middle)
    return first


async def test_the_paths_that_differ_are_named_over_several_commits(server: GitServer, tmp_path: Path) -> None:
    first = made(server.repository("changes/app.git"))
    found = await compared(f"{server.url}/changes/app.git", first, tmp_path)
    assert found is not None
    assert sorted(found) == CHANGED


async def test_a_diff_of_the_same_files_is_empty(server: GitServer, tmp_path: Path) -> None:
    repository = server.repository("same/app.git")
    first = repository.commit(SECOND)
    assert await compared(f"{server.url}/same/app.git", first, tmp_path) == []
    repository.commit(SECOND, "Nothing", after=first)
    assert await compared(f"{server.url}/same/app.git", first, tmp_path) == []


async def test_changes_since_a_missing_commit_are_unknown(server: GitServer, tmp_path: Path) -> None:
    repository = server.repository("pruned/app.git")
    first = repository.commit(FIRST)
    repository.commit(SECOND)  # This commit replaces the branch, as a forced push does.
    url = f"{server.url}/pruned/app.git"
    assert sorted(await compared(url, first, tmp_path) or []) == CHANGED
    repository.forget(first)
    for sha in (first, "a" * 40, "a" * 64, repository.git("rev-parse", "main^{tree}").strip()):
        assert await compared(url, sha, tmp_path) is None


async def test_changes_of_too_many_files_are_unknown(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(server.repository("many/app.git"))
    for name, most in (("MOST_CHANGED", 4), ("MOST_BYTES", 50)):
        with monkeypatch.context() as few:
            few.setattr(changes, name, most)
            assert await compared(f"{server.url}/many/app.git", first, tmp_path) is None


async def test_a_commit_that_is_too_large_does_not_fail_the_fetch_of_the_other(
    server: GitServer, tmp_path: Path
) -> None:
    repository = server.repository("large/app.git")
    first = repository.commit({"large": secrets.token_bytes(300_000)})
    repository.commit(SECOND)
    limits = FetchLimits(bytes=100_000, files=100, seconds=60)
    assert await compared(f"{server.url}/large/app.git", first, tmp_path, limits) is None


@pytest.mark.skipif(SSHD is None, reason="sshd is not installed")
async def test_a_server_that_gives_branches_only_is_asked_for_the_branchs_last_commits(tmp_path: Path) -> None:
    with ssh_server(tmp_path / "served", KEY.public, protocol=False) as sshd:
        repository = BareRepository.create(sshd.root / "app.git")
        first = made(repository)
        access: dict[str, Any] = {"deploy_key": KEY.private, "known_hosts": known(sshd)}
        assert sorted(await compared(sshd.url("app.git"), first, tmp_path, **access) or []) == CHANGED
