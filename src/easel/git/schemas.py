"""Requests about Git repositories; the operations are not built yet."""

from __future__ import annotations

from pydantic import Field

from easel.schemas import Line, Request, Whole


class ConnectRepoRequest(Request):
    """Asks for an app to follow a repository's branch."""

    repo_url: Line = Field(max_length=2048)
    branch: Line | None = Field(default="main", max_length=255)
    github_installation_id: Whole | None = None
