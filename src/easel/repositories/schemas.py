"""Requests and responses about an app's repository."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from easel.schemas import Answer, Line, Request, Text, Whole

Provider = Literal["github", "gitlab", "gitea", "bitbucket", "plain"]
"""The kinds of Git host, by the format of their webhooks. `gitea` includes Forgejo, and `plain` is any other host."""
Without = Literal["submodules", "lfs"]
"""Parts of a repository that Easel does not fetch."""
Credential = Literal["token", "deploy_key", "github_app"]


class ConnectRepoRequest(Request):
    """Connects an app to a repository's branch. The fields from `provider` on are additions to the contract."""

    repo_url: Line = Field(max_length=2048)
    branch: Line | None = Field(default="main", max_length=255)
    github_installation_id: Whole | None = None
    provider: SkipJsonSchema[Provider | None] = None
    root: SkipJsonSchema[Line | None] = Field(default=None, max_length=1024)
    username: SkipJsonSchema[Line | None] = Field(default=None, max_length=255)
    token: SkipJsonSchema[Line | None] = Field(default=None, max_length=4096)
    deploy_key: SkipJsonSchema[Text | None] = None
    new_deploy_key: SkipJsonSchema[bool | None] = None
    known_hosts: SkipJsonSchema[Text | None] = None
    allow: SkipJsonSchema[list[Without] | None] = Field(default=None, max_length=10)
    webhook_secret: SkipJsonSchema[Line | None] = Field(default=None, max_length=255)
    new_webhook_secret: SkipJsonSchema[bool | None] = None


class RepositoryCheck(Answer):
    """The result of reading the repository while it was connected. `code` is the code of the error that would end a
    deploy. If the followed branch is missing, `branches` are some existing branches."""

    status: Literal["read", "failed", "not_checked"]
    code: str | None = None
    message: str
    commit: str | None = None
    branches: list[str] = Field(default_factory=list)


class RepositoryAnswer(Answer):
    """The repository that an app follows. `webhook_secret` is `***`, except in the response to the request that created
    it. `deploy_key` is the public key, which the user adds to the host."""

    app_id: str
    repo_url: str
    branch: str
    provider: Provider
    webhook_url: str
    webhook_secret: str
    credential: Credential | None
    username: str | None
    deploy_key: str | None
    host_keys: list[str]
    github_installation_id: int | None
    root: str | None
    allow: list[Without]
    connected_by: str
    connected_at: datetime
    check: RepositoryCheck | None = None
    warnings: list[str] | None = None
