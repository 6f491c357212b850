"""Requests and responses about deploys. Titles and descriptions are copied from the contract's document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from easel.apps.build_settings import BuildSettings, SandboxKind
from easel.apps.schemas import Allowed, Dialect, PageAddresses, WithoutPage
from easel.deploys.states import Outcome, Status
from easel.environments.names import PRODUCTION, EnvironmentName
from easel.schemas import Answer, Line, Message, Request, Text

Cause = Literal["worker", "builder", "app", "organisation", "everywhere"]
"""The cause of a queued deploy's wait: a worker, a builder, an earlier deploy or build of the same app, or the limit of
its organisation or of the installation."""


class DeploySettings(BuildSettings):
    """A deploy's settings for its build and for reading its bundle. They override the app's `build_config`. The
    allowances of both apply."""

    rules: Dialect | None = None
    html_handling: PageAddresses | None = None
    not_found_handling: WithoutPage | None = None
    allow: list[Allowed] | None = Field(default=None, max_length=10)
    no_cache: bool | None = Field(
        default=None, description="Easel extension: build without the dependencies and caches of earlier builds"
    )


BranchName = Annotated[str, StringConstraints(min_length=1, max_length=250, pattern=r"^[^\x00-\x20\x7f~^:?*\[\\]*$")]
"""The name of a branch. Only the simple rules of git-check-ref-format are checked here. Git refuses other invalid
names."""


def _bundle_rule(schema: JsonDict) -> None:
    schema.pop("additionalProperties", None)
    schema["if"] = {"properties": {"source": {"const": "git"}}, "required": ["source"]}
    schema["else"] = {
        "properties": {"bundle_s3_key": {"type": "string", "minLength": 1}},
        "required": ["bundle_s3_key"],
    }


class DeployRequest(Request):
    """Deploy a pre-built bundle (CLI path) or trigger a Git-based build."""

    model_config = ConfigDict(json_schema_extra=_bundle_rule)

    environment: EnvironmentName = Field(
        default=PRODUCTION, title="Environment", description="Target environment for this deploy"
    )
    message: Message = Field(
        title="Message",
        description="Deploy message describing what changed (required, like a git commit message)",
    )
    source: Literal["cli_upload", "git"] = Field(
        default="cli_upload",
        title="Source",
        description="Deploy source. 'cli_upload' = zip already uploaded to S3. 'git' = Phase 3b.",
    )
    bundle_s3_key: Line | None = Field(
        default=None,
        title="Bundle S3 Key",
        description="S3 key of the uploaded source zip (required for source='cli_upload')",
        max_length=2048,
        validate_default=True,
    )
    source_files: dict[str, str] | None = Field(
        default=None,
        title="Source Files",
        description="Map of relative path → file content for source-level version diffs",
    )
    git_commit_sha: Line | None = Field(
        default=None, title="Git Commit Sha", description="Git commit SHA associated with this deploy", max_length=200
    )
    git_commit_message: Text | None = Field(
        default=None, title="Git Commit Message", description="Git commit message associated with this deploy"
    )
    git_author: Line | None = Field(
        default=None, title="Git Author", description="Git commit author (name <email>)", max_length=1000
    )
    # Additions to the contract. This model contains the contract's own text, word for word.
    build_config: SkipJsonSchema[DeploySettings | None] = None
    git_branch: SkipJsonSchema[BranchName | None] = None
    build: SkipJsonSchema[bool] = False

    @field_validator("bundle_s3_key")
    @classmethod
    def _bundle_given(cls, key: str | None, info: ValidationInfo) -> str | None:
        if not key and info.data.get("source") == "cli_upload":
            raise PydanticCustomError(
                "bundle_s3_key_required",
                "source 'cli_upload' needs the key of a bundle: request an upload URL and upload the zip first",
            )
        return key

    @field_validator("source_files")
    @classmethod
    def _whole_characters(cls, files: dict[str, str] | None) -> dict[str, str] | None:
        for path, text in (files or {}).items():
            try:
                _ = path.isascii() or path.encode()
                _ = text.isascii() or text.encode()
            except UnicodeEncodeError:
                raise PydanticCustomError(
                    "text_invalid",
                    "the path or text of {path} contains half of a surrogate pair",
                    {"path": path[:200].encode("utf-8", "replace").decode()},
                ) from None
        return files


class DeployResponse(Answer):
    """The response to an accepted deploy."""

    app_id: str = Field(title="App Id")
    deploy_id: str = Field(title="Deploy Id")
    status: Status = Field(title="Status")
    environment: str = Field(title="Environment")
    message: str | None = Field(default=None, title="Message")


class SmokeTestResult(Answer):
    """The result of requesting the candidate's entry page, before any visitor sees it."""

    passed: bool
    url: str
    errors: list[str] | None = None
    duration_ms: int | None = 0
    tested_at: str | None = None


class DeployCounts(Answer):
    """The number and the sizes of a deploy's files. Sizes are in bytes."""

    files: int
    bytes: int
    new_bytes: int | None = Field(
        default=None, description="Total bytes of the files that the previous version did not have"
    )


class BuildReport(Answer):
    """The report of a deploy's build. `seconds` has the duration of each phase."""

    sandbox: SandboxKind | None = Field(default=None, description="Whether the build ran in a sandbox")
    framework: str | None = None
    package_manager: str | None = None
    node: str | None = None
    python: str | None = None
    cache: Literal["warm", "cold", "off"] | None = Field(
        default=None, description="Whether dependencies of an earlier build were used"
    )
    seconds: dict[str, float] = Field(default_factory=dict)
    refused_hosts: list[str] = Field(
        default_factory=list, description="Hosts to which the build's connections were refused"
    )


class DeployStatusResponse(Answer):
    """The state of a deploy. The fields from `app_id` on are additions to the contract."""

    deploy_id: str
    status: Status
    environment: str | None = None
    source: str | None = None
    bundle_s3_key: str | None = None
    message: str | None = None
    queued_at: str | None = None
    queued_by: str | None = None
    error: str | None = None
    smoke_test: SmokeTestResult | None = None
    app_id: str
    version: int | None = Field(
        default=None, description="The number of the version that the deploy recorded, or null before that"
    )
    url: str | None = Field(default=None, description="The address of the deploy's environment")
    version_url: str | None = Field(default=None, description="The permanent address of the deploy's version")
    outcome: Outcome | None = Field(
        default=None, description="Whether the deploy's version went live, or why it was only recorded"
    )
    error_code: str | None = None
    warnings: list[str] = Field(default_factory=list)
    step: str | None = Field(default=None, description="The current step, or the last one")
    timings: dict[str, int] = Field(default_factory=dict, description="Milliseconds per step")
    counts: DeployCounts | None = None
    started_at: str | None = None
    finished_at: str | None = None
    git_commit_sha: str | None = None
    git_commit_message: str | None = None
    git_author: str | None = None
    git_branch: str | None = None
    build: BuildReport | None = Field(default=None, description="How Easel built the bundle, if Easel built it")


class ListDeploysResponse(Answer):
    """An app's deploys, newest first."""

    deploys: list[DeployStatusResponse]
    total: int
    limit: int
    offset: int
    waits_for: Cause | None = Field(
        default=None,
        description="The cause of each queued deploy's wait: no worker or builder is free, an earlier deploy "
        "of the app comes first, or the limit of the organisation or of the installation is reached",
    )
