"""Responses about versions. Fields marked as additions are not in the contract."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from easel.schemas import Answer


class VersionAdditions(Answer):
    """Fields of a version that are additions to the contract. Sizes are in bytes."""

    kind: Literal["deploy", "publish"] = Field(description="A deploy of code, or a publish of configuration")
    content_hash: str = Field(
        description="SHA-256 of the bundle, or of the configuration if the version was created by a publish"
    )
    config_hash: str = Field(description="SHA-256 of the configuration")
    files_hash: str | None = Field(default=None, description="SHA-256 of paths and contents")
    deploy_id: str | None = None
    file_count: int
    total_bytes: int
    url: str = Field(description="The permanent address of the version, or null if it was pruned")
    git_branch: str | None = Field(description="The branch of the version's commit")
    pruned: bool = Field(description="Whether the version was pruned by the operator's policy, which deletes its files")


class VersionListItem(VersionAdditions):
    """One version in the list."""

    version: int
    s3_version_id: str | None = None
    asset_prefix: str | None = None
    deployed_by: str | None = None
    deployed_at: str | None = None
    environment: str | None = None
    build_duration_ms: int | None = None
    message: str | None = None
    git_commit_sha: str | None = None
    git_commit_message: str | None = None
    git_author: str | None = None
    is_active: dict[str, bool]


class VersionListResponse(Answer):
    """An app's versions, newest first."""

    versions: list[VersionListItem]
    total: int


class VersionDetailResponse(VersionAdditions):
    """One version with its manifest and source files."""

    version: int | None = None
    s3_version_id: str | None = None
    asset_prefix: str | None = None
    asset_manifest: dict[str, dict[str, Any]] | None = Field(
        default=None, description="path → s3_key, hash (SHA-256), size (bytes), content_type"
    )
    deployed_by: str | None = None
    deployed_at: str | None = None
    environment: str | None = None
    build_duration_ms: int | None = None
    message: str | None = None
    source_files: dict[str, str] | None = None
    git_commit_sha: str | None = None
    git_commit_message: str | None = None
    git_author: str | None = None
    is_active: dict[str, bool] | None = None
    config: dict[str, Any] | None = Field(
        description="The configuration that was recorded with the version, with masked secrets, or null if the "
        "version was pruned"
    )


class FileDiff(Answer):
    """The difference of one file between two versions. Sizes are in bytes."""

    path: str
    status: Literal["added", "removed", "modified", "unchanged"]
    old_hash: str | None = None
    new_hash: str | None = None
    old_size: int | None = None
    new_size: int | None = None
    size_delta: int | None = None


class Rename(Answer):
    """A file with the same content under another name. In `files`, it is a removal and an addition."""

    from_path: str
    to_path: str
    hash: str


class RuleDiff(Answer):
    """The difference of one rule. `source` identifies the rule: a path and its conditions, or a path and a header's
    name."""

    kind: Literal["redirect", "header"]
    status: Literal["added", "removed", "modified"]
    source: str
    old: str | None
    new: str | None


class VersionDiffResponse(Answer):
    """The differences between two versions, and their equal parts. Sizes are in bytes. `renames` and the fields after
    it are additions to the contract."""

    app_id: str
    from_version: int
    to_version: int
    files: list[FileDiff] | None = None
    summary: dict[str, int] | None = None
    source_diff: dict[str, str] | None = None
    renames: list[Rename] = Field(default_factory=list)
    configuration: dict[str, str] = Field(
        default_factory=dict,
        description="Paths in `files` and `source_diff` that are sections of the configuration, not files: "
        "path → section",
    )
    from_content_hash: str | None = None
    to_content_hash: str | None = None
    from_total_bytes: int | None = None
    to_total_bytes: int | None = None
    rules: list[RuleDiff] = Field(default_factory=list, description="Changed rules of the rules files")


class RuleInForce(Answer):
    """A redirect line in force. `line` counts from 1, or is the number of an entry in the list that `file` refers
    to."""

    file: str
    line: int
    text: str
    source: str
    target: str
    status: int
    forced: bool


class HeadersInForce(Answer):
    """Headers in force for a path, as lines `Name: value`. A line `! Name` removes a header."""

    file: str
    line: int
    path: str
    host: str | None
    headers: list[str]


class RefusedRule(Answer):
    """A line that is not in force, and the reason. `guards` is true if the line protected something from visitors."""

    file: str
    line: int
    text: str
    reason: str
    guards: bool


class RuleNote(Answer):
    """A remark on a line of a rules file that is in force."""

    file: str
    line: int
    text: str


class VersionRulesResponse(Answer):
    """A version's rules, as they were read when it was deployed. `dialect` is null if the version has no rules."""

    app_id: str
    version: int
    dialect: Literal["netlify", "cloudflare"] | None
    because: str | None = Field(description="The reason for this dialect")
    html_handling: str | None = Field(description="The handling of the addresses of pages; null means Easel's default")
    not_found_handling: str | None = Field(
        description="The response for addresses without a file; null means Easel's default"
    )
    redirects: list[RuleInForce]
    headers: list[HeadersInForce]
    refused: list[RefusedRule]
    notes: list[RuleNote]


class DownloadUrlResponse(Answer):
    """The address to GET the bundle of a version from. `expires_in` is in seconds."""

    download_url: str
    version: int
    asset_prefix: str
    expires_in: int | None = 3600
