"""One commit of a real repository, over http: exactly this commit and nothing else, and a sentence if it cannot be
fetched."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from easel.outgoing.addresses import Destinations
from easel.repositories import errors
from easel.repositories.fetch.models import Branch, FetchLimits, Sha
from easel.repositories.fetch.program import Git, find_git
from testbed.git_server import GitServer
from tests.repositories.conftest import Fetcher

MAIN = Branch("main")


def name() -> str:
    return f"{secrets.token_hex(4)}/app.git"


async def test_the_newest_commit_of_a_branch_is_fetched_with_its_message_and_author(
    server: GitServer, fetched: Fetcher
) -> None:
    repository = server.repository(place := name())
    first = repository.commit({"index.html": "one"})
    second = repository.commit({"index.html": "two", "src/ü.txt": "x"}, "Grüße\n\nMore", after=first)
    commit = await fetched(f"{server.url}/{place}", MAIN)
    assert (commit.sha, commit.message, commit.author, commit.branch) == (
        second,
        "Grüße\n\nMore",
        "Ada <ada@example.org>",
        "main",
    )
    assert fetched.files() == {"index.html": "two", "src/ü.txt": "x"}
    # No file of Git remains, neither in the folder nor beside it.
    assert os.listdir(fetched.tree.parent) == ["tree"]


async def test_a_commit_without_a_branch_is_fetched_while_the_server_has_it(
    server: GitServer, fetched: Fetcher
) -> None:
    repository = server.repository(place := name())
    old = repository.commit({"index.html": "pushed away"})
    repository.commit({"index.html": "forced"})
    commit = await fetched(f"{server.url}/{place}", Sha(old, "main"))
    assert commit.sha == old
    assert fetched.files() == {"index.html": "pushed away"}


async def test_a_pruned_commit_is_reported(server: GitServer, fetched: Fetcher) -> None:
    repository = server.repository(place := name())
    old = repository.commit({"index.html": "pushed away"})
    repository.commit({"index.html": "forced"})
    repository.forget(old)
    with pytest.raises(errors.CommitMissingError, match=old):
        await fetched(f"{server.url}/{place}", Sha(old, "main"))
    assert os.listdir(fetched.tree) == []


async def test_a_branch_that_is_forced_while_it_is_fetched_gives_one_whole_commit(
    server: GitServer, fetched: Fetcher
) -> None:
    repository = server.repository(place := name())
    commits = [repository.commit({"index.html": "old", "old.txt": ""})]

    def force(path: str) -> None:
        if path.endswith("git-upload-pack") and len(commits) == 1:
            commits.append(repository.commit({"index.html": "new", "new.txt": ""}))

    server.before = force
    commit = await fetched(f"{server.url}/{place}", MAIN)
    assert len(commits) == 2
    assert commit.sha in commits
    word = "old" if commit.sha == commits[0] else "new"
    assert fetched.files() == {"index.html": word, f"{word}.txt": ""}


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("nothing/here.git", errors.RepositoryNotFoundError),
        ("private/nothing.git", errors.CredentialsRefusedError),
        ("moved/x.git", errors.RepositoryMovedError),
        ("broken/x.git", errors.HostUnreachableError),
    ],
)
async def test_an_address_without_a_repository_ends_with_its_own_error(
    server: GitServer, fetched: Fetcher, place: str, error: type[errors.FetchError]
) -> None:
    with pytest.raises(error) as raised:
        await fetched(f"{server.url}/{place}", MAIN)
    assert "{" not in raised.value.message
    # Redirects are not followed.
    assert {path for path, _ in server.heard} == {f"/{place}/info/refs"}


async def test_a_missing_branch_is_reported_by_name(server: GitServer, fetched: Fetcher) -> None:
    server.repository(place := name())
    with pytest.raises(errors.BranchMissingError, match="main"):
        await fetched(f"{server.url}/{place}", MAIN)


async def test_a_branch_that_is_named_like_an_option_is_a_branch(server: GitServer, fetched: Fetcher) -> None:
    repository = server.repository(place := name())
    repository.commit({"index.html": "option"}, branch="--upload-pack=touch-x")
    await fetched(f"{server.url}/{place}", Branch("--upload-pack=touch-x"))
    assert fetched.files() == {"index.html": "option"}


async def test_a_token_opens_a_private_repository_and_is_shown_to_nobody_else(
    server: GitServer, fetched: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = server.repository("private/" + (place := name()))
    repository.commit({"index.html": "secret"})
    seen: list[str] = []

    def look(path: str) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                seen.append((process / "cmdline").read_text())
            except OSError:
                continue
        seen.extend(file.read_text(errors="replace") for file in fetched.tree.parent.rglob("*") if file.is_file())

    server.before = look
    await fetched(f"{server.url}/private/{place}", MAIN, username=server.user, token=server.password)
    assert fetched.files() == {"index.html": "secret"}
    assert any("fetch" in text for text in seen)
    assert not any(server.password in text or "Basic " in text for text in seen)
    with pytest.raises(errors.CredentialsRefusedError):
        await fetched(f"{server.url}/private/{place}", MAIN, username=server.user, token="wrong")


async def test_a_token_is_not_sent_where_the_host_redirects(server: GitServer, fetched: Fetcher) -> None:
    with pytest.raises(errors.RepositoryMovedError):
        await fetched(f"{server.url}/moved/x.git", MAIN, token="a token")
    assert [path for path, _ in server.heard] == ["/moved/x.git/info/refs"]


async def test_private_addresses_are_refused_unless_they_are_allowed(server: GitServer, fetched: Fetcher) -> None:
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"):
        with pytest.raises((errors.HostPrivateError, errors.HostUnresolvedError)):
            await fetched(f"https://{host}:{server.port}/x.git", MAIN, destinations=Destinations())
    assert server.heard == []


async def test_a_missing_host_is_reported_as_unreachable(fetched: Fetcher) -> None:
    with pytest.raises(errors.HostUnreachableError):
        await fetched("http://127.0.0.1:9/x.git", MAIN)
    with pytest.raises(errors.HostUnresolvedError):
        await fetched("https://nothing.invalid/x.git", MAIN)


async def test_a_fetch_that_is_too_large_is_aborted(server: GitServer, fetched: Fetcher) -> None:
    repository = server.repository(place := name())
    noise = secrets.token_bytes(3_000_000)
    repository.commit({"noise": noise})
    with pytest.raises(errors.RepositoryTooLargeError):
        await fetched(f"{server.url}/{place}", MAIN, limits=FetchLimits(1_000_000, 100, 60))
    # A megabyte of zeros takes a kilobyte in transit.
    repository.commit({"zeros": bytes(2_000_000)})
    with pytest.raises(errors.RepositoryTooLargeError, match="bytes"):
        await fetched(f"{server.url}/{place}", MAIN, limits=FetchLimits(1_000_000, 100, 60))
    repository.commit({f"{n}.txt": "" for n in range(101)})
    with pytest.raises(errors.RepositoryTooLargeError, match="100 files"):
        await fetched(f"{server.url}/{place}", MAIN, limits=FetchLimits(1_000_000, 100, 60))
    assert os.listdir(fetched.tree) == []


async def test_a_git_tree_that_contains_itself_many_times_is_not_written(server: GitServer, fetched: Fetcher) -> None:
    repository = server.repository(place := name())
    blob = repository.git("hash-object", "-w", "--stdin", data=b"x").strip()
    tree = repository.git("mktree", data=f"100644 blob {blob}\tx\n".encode()).strip()
    for _ in range(8):
        tree = repository.git("mktree", data="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)).encode()).strip()
    sha = repository.git("commit-tree", tree, data=b"a bomb").strip()
    repository.git("update-ref", "refs/heads/main", sha)
    with pytest.raises(errors.RepositoryTooLargeError, match="5000 files"):
        await fetched(f"{server.url}/{place}", MAIN)
    # Git keeps printing while nobody reads, until its pipe is full.
    git = Git(find_git(), repository.folder, os.environ, 1_000_000)
    async with asyncio.timeout(60), aclosing(git.lines("ls-tree", "-r", sha)) as pieces:
        assert await anext(pieces)
        for _ in range(1000):
            await asyncio.sleep(0)


async def test_a_files_bytes_are_the_commits_whatever_gitattributes_contains(
    server: GitServer, fetched: Fetcher
) -> None:
    repository = server.repository(place := name())
    attributes = "*.id ident\n*.bat text eol=crlf\n*.txt working-tree-encoding=UTF-32\n"
    files = {"a.id": "$Id$" * 10, "b/c.bat": "x\n" * 10, "d.txt": "x" * 10, ".gitattributes": attributes}
    repository.commit({**files, "b/.gitattributes": "* text=auto eol=crlf ident\n"})
    await fetched(f"{server.url}/{place}", MAIN)
    assert {path: (fetched.tree / path).read_bytes() for path in files} == {
        path: text.encode() for path, text in files.items()
    }


async def test_a_silent_host_times_out(server: GitServer, fetched: Fetcher) -> None:
    gone = threading.Event()

    def be_silent(path: str) -> None:
        gone.wait(60)

    server.before = be_silent
    try:
        with pytest.raises(errors.FetchTimedOutError):
            await fetched(f"{server.url}/{name()}", MAIN, limits=FetchLimits(1, 1, 0.5))
    finally:
        gone.set()
    assert os.listdir(fetched.tree.parent) == ["tree"]


async def test_submodules_and_lfs_files_are_reported_and_can_be_skipped(server: GitServer, fetched: Fetcher) -> None:
    repository = server.repository(place := name())
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    files = {"index.html": "x", "logo.png": pointer, "docs/lfs.md": f"It looks like: {pointer}"}
    repository.commit(files, submodules={"themes/one": "1" * 40})
    url = f"{server.url}/{place}"
    with pytest.raises(errors.SubmodulesError, match="`themes/one`"):
        await fetched(url, MAIN)
    with pytest.raises(errors.LfsError, match=r"`logo\.png`"):
        await fetched(url, MAIN, allow=frozenset({"submodules"}))
    await fetched(url, MAIN, allow=frozenset({"submodules", "lfs"}))
    assert set(fetched.files()) == set(files)
    assert (
        "Easel does not fetch files from Git LFS, so these files contain only LFS pointers: `logo.png`" in fetched.said
    )


async def test_links_that_lead_out_are_left_out(server: GitServer, fetched: Fetcher) -> None:
    repository = server.repository(place := name())
    links = {
        "passwd": "/etc/passwd",
        "up": "../..",
        "a/b/out": "../../../x",
        "by-way-of": "up/etc",
        "inside": "index.html",
        "a/inside": "../index.html",
        "loop": "loop",
        "nowhere": "not/there",
    }
    repository.commit({"index.html": "x"}, links=links)
    await fetched(f"{server.url}/{place}", MAIN)
    left = {path.relative_to(fetched.tree).as_posix() for path in fetched.tree.rglob("*") if path.is_symlink()}
    assert left == {"inside", "a/inside", "loop", "nowhere"}
    assert any("`passwd`" in line and "`up`" in line for line in fetched.said)


async def test_settings_and_hooks_of_this_machine_play_no_part(
    server: GitServer, fetched: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = server.repository(place := name())
    repository.commit({"index.html": "x", ".gitattributes": "* filter=evil\n"})
    home = tmp_path / "home"
    (home / "templates" / "hooks").mkdir(parents=True)
    hook = home / "templates" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {home}/ran\n")
    hook.chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[init]\ntemplateDir={home}/templates\n[core]\nhooksPath={home}/templates/hooks\n"
        f'[filter "evil"]\nsmudge=touch {home}/ran\nrequired=true\n[url "file:///"]\ninsteadOf={server.url}\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(home / "templates"))
    monkeypatch.setenv("GIT_DIR", str(home))
    monkeypatch.setenv("GIT_TRACE", str(home / "trace"))
    await fetched(f"{server.url}/{place}", MAIN)
    assert sorted(fetched.files()) == [".gitattributes", "index.html"]
    assert not (home / "ran").exists()
    assert not (home / "trace").exists()


async def test_a_repository_of_sha256_is_fetched(server: GitServer, fetched: Fetcher) -> None:
    repository = server.repository(place := name(), "--object-format=sha256")
    sha = repository.commit({"index.html": "x"})
    assert (await fetched(f"{server.url}/{place}", MAIN)).sha == sha
    assert len(sha) == 64


@pytest.mark.parametrize("place", ["ssl-certificate/timeout.git", "not/found.git", "a", "private-timeout/tls"])
async def test_words_in_an_address_are_not_read_as_an_error(server: GitServer, fetched: Fetcher, place: str) -> None:
    with pytest.raises(errors.HostUnreachableError, match="does not accept connections"):
        await fetched(f"https://127.0.0.1:9/{place}", MAIN)
    server.repository(place)
    with pytest.raises(errors.BranchMissingError):
        await fetched(f"{server.url}/{place}", Branch("certificate-timeout"))
