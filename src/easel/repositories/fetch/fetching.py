"""Fetches exactly one commit into an empty folder, and compares it with another commit."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from easel.outgoing.addresses import Destinations
from easel.repositories.errors import (
    CommitNotReachableError,
    FetchTimedOutError,
    NotTheHeadError,
    RepositoryTooLargeError,
)
from easel.repositories.fetch.changes import changed_paths
from easel.repositories.fetch.failures import OTHER_HASH, UNADVERTISED, meant_by
from easel.repositories.fetch.guarded import git_for
from easel.repositories.fetch.models import Branch, Commit, FetchLimits, Head, Ref, Remote, Sha
from easel.repositories.fetch.program import Git, GitFailedError, Say
from easel.repositories.fetch.tree import list_tree, write_tree
from easel.schemas import MESSAGE_LENGTH

_HEAD: Final = "refs/easel/head"
_BEFORE: Final = "refs/easel/before"
_AUTHOR_LENGTH: Final = 1000
_AS_COMMITTED: Final = "* !text !eol !crlf !ident !filter !working-tree-encoding\n"
"""Git attributes that turn off all conversions, so that files are written as they were committed (gitattributes(5)). A
file with `ident` could otherwise grow to a dozen times its limit."""
DEPTH: Final = 100
"""Number of a branch's newest commits that are searched for a commit, if the server does not send single commits."""
HEAD_LAG: Final = 2.0
"""Seconds after which a branch is read once more if the wanted commit is not its head. Git hosts report a push before
all of their machines know it."""
_COMPARED_WITHIN: Final = 60.0
"""Seconds of a fetch's time limit that a comparison with another commit may take."""


@dataclass(frozen=True, slots=True)
class FetchedCommit:
    """A fetched commit. It can be used as long as Git's folder with the commit exists."""

    commit: Commit
    git: Git
    remote: Remote

    async def changed_since(self, sha: str) -> list[str] | None:
        """Returns the paths that differ between this commit and the commit `sha`, which is fetched as well. Returns
        None if they cannot be determined, because the host no longer has that commit or there are too many paths
        (`changes`)."""
        try:
            async with asyncio.timeout(_COMPARED_WITHIN):
                if not await self._has(sha) and not await self._fetch_as_well(sha):
                    return None
                return await changed_paths(self.git, sha, self.commit.sha)
        except (GitFailedError, RepositoryTooLargeError, TimeoutError):
            return None

    async def _fetch_as_well(self, sha: str) -> bool:
        try:
            await _fetch(self.git, self.remote, sha, 1, _BEFORE)
        except GitFailedError as error:
            if self.commit.branch is None or not UNADVERTISED.search(error.said):
                raise
            # This server sends only whole branches, so the branch is fetched.
            await _fetch(self.git, self.remote, f"refs/heads/{self.commit.branch}", DEPTH, _BEFORE)
        return await self._has(sha)

    async def _has(self, sha: str) -> bool:
        try:
            await self.git.run("cat-file", "-e", f"{sha}^{{commit}}")
        except GitFailedError:
            return False
        return True


async def fetch(
    remote: Remote,
    ref: Ref,
    into: Path,
    *,
    destinations: Destinations,
    limits: FetchLimits,
    say: Say,
) -> Commit:
    """Fetches one commit into the empty folder `into`, and returns the commit. For the parameters and errors, see
    `fetching`."""
    async with fetching(remote, ref, into, destinations=destinations, limits=limits, say=say) as fetched:
        return fetched.commit


@asynccontextmanager
async def fetching(
    remote: Remote,
    ref: Ref,
    into: Path,
    *,
    destinations: Destinations,
    limits: FetchLimits,
    say: Say,
) -> AsyncIterator[FetchedCommit]:
    """Fetches one commit, and writes its tree into the empty folder `into`, without Git's own folder, submodules, LFS
    files, and links that lead out of the tree.

    The only connection is to the remote's host, if `destinations` allow it. Inside the block, the commit can be
    compared with other commits. `limits.seconds` is the timeout for the fetch and the comparisons together. `say`
    receives lines for a log. Raises subclasses of FetchError, PlainHttpError, and NotTheHeadError if the branch has
    newer commits than a `Head`.
    """
    began = time.monotonic()
    # Git's folder is next to the tree, on the same disk.
    private = Path(tempfile.mkdtemp(prefix=".fetch-", dir=into.parent))
    try:
        async with asyncio.timeout(limits.seconds):
            async with git_for(remote, private, destinations, limits.bytes) as git:
                commit = await _objects(git, remote, ref, say)
                listed = await list_tree(git, commit.sha, limits)
                await write_tree(git, commit.sha, listed, into, remote, say)
                yield FetchedCommit(commit, git, remote)
    except TimeoutError:
        raise FetchTimedOutError(seconds=limits.seconds, host=remote.url.host) from None
    except GitFailedError as error:
        raise meant_by(error.said, remote, ref, time.monotonic() - began) from None
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, private, ignore_errors=True))


async def _objects(git: Git, remote: Remote, ref: Ref, say: Say) -> Commit:
    """Fetches the objects (files and folders) of the commit without its history."""
    wide = not isinstance(ref, Branch) and len(ref.sha) == 64
    await _init(git, "sha256" if wide else "sha1")
    wanted = ref.sha if isinstance(ref, Sha) else f"refs/heads/{_branch_of(ref)}"
    try:
        await _fetch(git, remote, wanted, 1)
    except GitFailedError as error:
        if isinstance(ref, Branch) and OTHER_HASH.search(error.said):
            shutil.rmtree(git.folder, ignore_errors=True)
            await _init(git, "sha256")
            await _fetch(git, remote, wanted, 1)
        elif isinstance(ref, Sha) and ref.branch is not None and UNADVERTISED.search(error.said):
            return await _by_branch(git, remote, ref, ref.branch, say)
        else:
            raise
    commit = await _describe(git, _HEAD, ref)
    if isinstance(ref, Head) and commit.sha != ref.sha:
        await asyncio.sleep(HEAD_LAG)
        await _fetch(git, remote, wanted, 1)
        commit = await _describe(git, _HEAD, ref)
        if commit.sha != ref.sha:
            raise NotTheHeadError(sha=ref.sha[:12], branch=ref.branch, head=commit.sha[:12])
    return commit


def _branch_of(ref: Ref) -> str | None:
    return ref.name if isinstance(ref, Branch) else ref.branch


async def _by_branch(git: Git, remote: Remote, ref: Sha, branch: str, say: Say) -> Commit:
    """Searches for the commit among the newest commits of the branch, because the server does not send single
    commits."""
    host = remote.url.host
    say(
        f"{host} does not send single commits, so Easel searches for {ref.sha[:12]} among the last {DEPTH} commits "
        f"of {branch}"
    )
    await _fetch(git, remote, f"refs/heads/{branch}", DEPTH)
    try:
        return await _describe(git, ref.sha, ref)
    except GitFailedError:
        raise CommitNotReachableError(host=host, sha=ref.sha, depth=DEPTH, branch=branch) from None


async def _init(git: Git, hashing: str) -> None:
    await git.run("init", "--quiet", "--template=", "--bare", f"--object-format={hashing}")
    # These attributes override the repository's own `.gitattributes`.
    (git.folder / "info").mkdir(exist_ok=True)
    (git.folder / "info" / "attributes").write_text(_AS_COMMITTED)


async def _fetch(git: Git, remote: Remote, wanted: str, depth: int, name: str = _HEAD) -> None:
    await git.run(
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        f"--depth={depth}",
        "--",
        remote.url.text,
        f"+{wanted}:{name}",
        watched=True,
    )


async def _describe(git: Git, revision: str, ref: Ref) -> Commit:
    shown = await git.run("log", "-1", "--encoding=UTF-8", "--format=%H%x00%an <%ae>%x00%B", revision, "--")
    sha, author, message = shown.decode("utf-8", "replace").split("\0", 2)
    return Commit(
        sha=sha,
        message=message.replace("\0", "").strip()[:MESSAGE_LENGTH],
        author=" ".join(author.split())[:_AUTHOR_LENGTH],
        branch=_branch_of(ref),
    )
