"""Checks whether the deployed commit is older than the live commit, because deploys may run in a different order than
commits."""

from __future__ import annotations

import re
from typing import Final

from easel.cli.session import Session
from easel.cli.shipping.errors import CommitOlderError, CommitOrderUnknownError
from easel.cli.shipping.worktree import Commit, is_ancestor

_SHA: Final = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def check_commit_order(session: Session, app_id: str, environment: str, commit: Commit | None, *, refuse: bool) -> None:
    """Warns if `commit`, which is to be deployed, is older than the commit that the environment serves. With `refuse`,
    raises CommitOlderError instead of the warning, and CommitOrderUnknownError if Git cannot tell which commit is
    older."""
    if commit is None:
        if refuse:
            raise CommitOrderUnknownError(why="Git has no commit of the deployed files")
        return
    versions = session.client.list_versions(app_id).versions
    live = next((version for version in versions if version.is_active.get(environment)), None)
    sha = (live.git_commit_sha or "").removesuffix("-dirty") if live is not None else ""
    # The recorded commit must look like a hash before Git is run with it.
    if live is None or not _SHA.fullmatch(sha) or sha == commit.sha:
        return
    older = is_ancestor(commit.folder, commit.sha, sha)
    if older is None and refuse:
        why = f"the commit {sha[:8]}, which is live on {environment}, is not in this clone"
        raise CommitOrderUnknownError(why=why)
    if older and refuse:
        raise CommitOlderError(sha=commit.sha[:8], environment=environment, live=sha[:8], version=live.version)
    if older:
        session.output.warn(
            f"the commit {commit.sha[:8]} is older than the commit {sha[:8]}, which is live on {environment} as "
            f"version {live.version}. To refuse such deploys, use `--not-older`."
        )
