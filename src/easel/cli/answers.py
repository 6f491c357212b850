"""The API's responses: the fields that the command line reads, validated, and the whole document for `--json`.

The server's own models use pydantic, which takes longer to import than a whole command takes to run. A test compares
these fields with those models.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar

import msgspec


class Answer(msgspec.Struct, dict=True, kw_only=True):
    """A response of the API. Fields of the JSON object that the class does not declare are only in `document`."""

    @property
    def document(self) -> dict[str, Any]:
        """Returns the whole JSON object of the response, as the server sent it."""
        document: dict[str, Any] = self.__dict__["document"]
        return document

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Returns the response that `content`, the bytes of a body, contains. Raises msgspec.DecodeError if the body
        does not have the form of this class."""
        document = msgspec.json.decode(content)
        answer = msgspec.convert(document, cls)
        answer.__dict__["document"] = document
        return answer


AnyAnswer = TypeVar("AnyAnswer", bound=Answer)


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The error in an error response: the value of `error` in the JSON object that the API's contract prescribes."""

    message: str
    type: str
    code: str | None = None
    details: dict[str, Any] | None = None


class Refusal(Answer):
    """A response of the API that reports an error."""

    error: Problem


class PageMeta(msgspec.Struct, kw_only=True):
    """The title of an app."""

    title: str


class App(Answer):
    """An app: the response about one app, or an item in a list of apps."""

    app_id: str
    slug: str
    url: str
    meta: PageMeta
    is_active: bool
    version: int
    warnings: list[str] | None = None
    has_unpublished_changes: bool | None = False
    environments: dict[str, Any] | None = None
    created_at: str | None = None
    updated_at: str | None = None


class Apps(Answer):
    """One page of the list of the organisation's apps."""

    results: list[App]
    total_count: int


class Deleted(Answer):
    """The response that confirms a deletion."""


class RepositoryCheck(msgspec.Struct, kw_only=True):
    """The result of reading a repository: `read`, `failed` or `not_checked`, and a sentence about the result."""

    status: str
    message: str
    code: str | None = None
    branches: list[str] = msgspec.field(default_factory=list)


class Repository(Answer):
    """The repository that an app follows."""

    repo_url: str
    branch: str
    provider: str
    webhook_url: str
    webhook_secret: str
    host_keys: list[str]
    allow: list[str]
    connected_by: str
    connected_at: str
    credential: str | None = None
    deploy_key: str | None = None
    root: str | None = None
    check: RepositoryCheck | None = None
    warnings: list[str] | None = None


class UploadAddress(Answer):
    """The address to PUT a zip to, and the key to deploy the zip with."""

    upload_url: str
    bundle_s3_key: str


class Accepted(Answer):
    """A deploy that was accepted."""

    app_id: str
    deploy_id: str
    environment: str


class Counts(msgspec.Struct, kw_only=True):
    """The number of a deploy's files, and their total size in bytes."""

    files: int
    bytes: int


class Build(msgspec.Struct, kw_only=True):
    """The tools with which Easel built a deploy's sources, the duration of each phase, and the hosts that the build
    could not reach."""

    sandbox: str | None = None
    framework: str | None = None
    package_manager: str | None = None
    node: str | None = None
    cache: str | None = None
    seconds: dict[str, float] = msgspec.field(default_factory=dict)
    refused_hosts: list[str] = msgspec.field(default_factory=list)


class Deploy(Answer):
    """The state of a deploy. `timings` are in milliseconds."""

    deploy_id: str
    status: str
    environment: str | None = None
    message: str | None = None
    queued_at: str | None = None
    queued_by: str | None = None
    error: str | None = None
    error_code: str | None = None
    version: int | None = None
    url: str | None = None
    version_url: str | None = None
    outcome: str | None = None
    warnings: list[str] = msgspec.field(default_factory=list)
    step: str | None = None
    timings: dict[str, int] = msgspec.field(default_factory=dict)
    counts: Counts | None = None
    build: Build | None = None
    git_commit_sha: str | None = None
    git_branch: str | None = None
    finished_at: str | None = None


class Deploys(Answer):
    """One page of the list of an app's deploys, newest first."""

    deploys: list[Deploy]
    total: int
    waits_for: str | None = None


class Version(msgspec.Struct, kw_only=True):
    """A version of an app. `total_bytes` is in bytes."""

    version: int
    url: str
    file_count: int
    total_bytes: int
    pruned: bool
    is_active: dict[str, bool]
    deployed_at: str | None = None
    message: str | None = None
    git_commit_sha: str | None = None


class Versions(Answer):
    """The versions of an app, newest first."""

    versions: list[Version]
    total: int


class FileDiff(msgspec.Struct, kw_only=True):
    """A file that differs between two versions. Sizes are in bytes."""

    path: str
    status: str
    old_size: int | None = None
    new_size: int | None = None
    size_delta: int | None = None


class Rename(msgspec.Struct, kw_only=True):
    """A file that has the same content in two versions, but a different name."""

    from_path: str
    to_path: str


class RuleChange(msgspec.Struct, kw_only=True):
    """A rule of a rules file that differs between two versions."""

    kind: str
    status: str
    source: str
    old: str | None = None
    new: str | None = None


class Diff(Answer):
    """The differences between two versions."""

    from_version: int
    to_version: int
    files: list[FileDiff] | None = None
    source_diff: dict[str, str] | None = None
    renames: list[Rename] = msgspec.field(default_factory=list)
    configuration: dict[str, str] = msgspec.field(default_factory=dict)
    rules: list[RuleChange] = msgspec.field(default_factory=list)


class DownloadAddress(Answer):
    """The address to GET a version's zip from."""

    download_url: str


class Restored(Answer):
    """The version that an environment serves after a restore."""

    version: int
    environment: str
    url: str
    locked: bool = False


class Promoted(Answer):
    """The version that production serves after a promotion."""

    url: str
    version: int | None = None


class Environment(Answer):
    """An environment after it was locked or unlocked. `version` is None if the environment serves no version."""

    version: int | None


class Key(msgspec.Struct, kw_only=True):
    """An API key, without its secret."""

    key_id: str
    name: str
    scope: str
    hint: str
    app_id: str | None = None
    created_at: str | None = None


class Keys(Answer):
    """The organisation's keys."""

    keys: list[Key]


class CreatedKey(Answer):
    """A new API key, with its secret."""

    key_id: str
    scope: str
    key: str


class Limit(msgspec.Struct, kw_only=True):
    """A limit of the organisation, and how much of it is used."""

    name: str
    used: int
    limit: int | None = None
    frees_at: str | None = None


class Limits(Answer):
    """The organisation's limits, and how much of each limit is used."""

    limits: list[Limit]
