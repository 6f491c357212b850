"""Reads the newest commit of a branch without fetching it, to check whether a repository can be read."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from easel.outgoing.addresses import Destinations
from easel.repositories.errors import FetchTimedOutError
from easel.repositories.fetch.failures import meant_by
from easel.repositories.fetch.guarded import git_for
from easel.repositories.fetch.models import Branch, Remote
from easel.repositories.fetch.program import Git, GitFailedError

LARGEST: Final = 1024 * 1024
"""Maximum number of bytes of a Git host's list of branches."""
NAMED: Final = 5
"""Number of existing branches that are suggested if a branch is missing."""
_HEADS: Final = "refs/heads/"
_USUAL: Final = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of reading a branch from its Git host: the full id of its newest commit. If the branch is missing, the
    id is None, and `others` are names of existing branches, the likeliest first."""

    head: str | None
    others: tuple[str, ...] = ()


async def probe(remote: Remote, branch: str, *, destinations: Destinations, within: Path, seconds: float) -> Probe:
    """Asks the Git host for the newest commit of the branch. `within` is a folder on this machine for temporary files,
    and `seconds` the timeout. Raises subclasses of FetchError, and PlainHttpError."""
    began = time.monotonic()
    private = Path(tempfile.mkdtemp(prefix=".probe-", dir=within))
    try:
        async with asyncio.timeout(seconds), git_for(remote, private, destinations, 0) as git:
            heads = await _heads(git, remote, _HEADS + branch)
            if branch in heads:
                return Probe(heads[branch])
            return Probe(None, likeliest(branch, await _heads(git, remote, _HEADS + "*")))
    except TimeoutError:
        raise FetchTimedOutError(seconds=seconds, host=remote.url.host) from None
    except GitFailedError as error:
        raise meant_by(error.said, remote, Branch(branch), time.monotonic() - began) from None
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, private, ignore_errors=True))


async def _heads(git: Git, remote: Remote, pattern: str) -> dict[str, str]:
    """Returns the newest commits of the branches that match the pattern, by branch name. If the list is longer than
    `LARGEST` bytes, returns only its first branches."""
    listed = bytearray()
    async with aclosing(git.lines("ls-remote", "--quiet", "--", remote.url.text, pattern)) as pieces:
        async for piece in pieces:
            listed += piece
            if len(listed) > LARGEST:
                break
    found = {}
    for line in bytes(listed).split(b"\n")[:-1]:
        sha, _, name = line.decode("utf-8", "replace").partition("\t")
        if name.startswith(_HEADS):
            found[name.removeprefix(_HEADS)] = sha
    return found


def likeliest(branch: str, names: dict[str, str]) -> tuple[str, ...]:
    """Returns up to `NAMED` existing branches that the user may have meant instead of `branch`, the likeliest first.
    Names that differ only in case come first, then names with the same prefix, then the usual names."""
    wanted = branch.lower()

    def rank(name: str) -> tuple[bool, int, bool, str]:
        lowered = name.lower()
        alike = next(
            (at for at, pair in enumerate(zip(wanted, lowered, strict=False)) if pair[0] != pair[1]), len(name)
        )
        return lowered != wanted, -alike if alike >= 3 else 0, name not in _USUAL, name

    return tuple(sorted(names, key=rank)[:NAMED])
