"""Requests the deploy of a commit. Nothing is uploaded, because Easel fetches the commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from easel.cli.answers import Accepted
from easel.cli.session import Session
from easel.cli.shipping.deploy_request import request_deploy


def message_for(commit: str | None, branch: str | None) -> str:
    """Returns the default message of a deploy of a commit. The commit's own message is not known here."""
    if commit:
        return f"Deploy {commit[:12]}"
    return f"Deploy the branch {branch}" if branch else "Deploy from Git"


def order_commit(
    session: Session,
    app_id: str,
    environment: str,
    message: str,
    *,
    commit: str | None,
    branch: str | None,
    build_config: Mapping[str, Any],
) -> Accepted:
    """Requests the deploy of a commit, or of the newest commit of a branch. Raises the API's errors."""
    request = {
        "environment": environment,
        "message": message,
        "source": "git",
        "git_commit_sha": commit,
        "git_branch": branch,
        "build_config": dict(build_config) or None,
    }
    given = {name: value for name, value in request.items() if value is not None}
    return request_deploy(session, app_id, given)
