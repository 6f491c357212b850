"""The fields that the command line reads are fields of the server's models."""

from __future__ import annotations

import types
import typing
from typing import Any, get_args, get_origin

import msgspec
import pytest
from pydantic import BaseModel

from easel.access import schemas as access
from easel.api.http.envelope import ErrorDetail, ErrorResponse
from easel.apps import schemas as apps
from easel.cli import answers
from easel.deploys import schemas as deploys
from easel.environments import schemas as environments
from easel.repositories import schemas as repositories
from easel.uploads import schemas as uploads
from easel.versions import schemas as versions

MODELS: list[tuple[type[msgspec.Struct], type[BaseModel]]] = [
    (answers.Problem, ErrorDetail),
    (answers.Refusal, ErrorResponse),
    (answers.PageMeta, apps.PageMeta),
    (answers.App, apps.AppResponse),
    (answers.Apps, apps.ListAppsResponse),
    (answers.Deleted, apps.GenericDeleteResponse),
    (answers.Repository, repositories.RepositoryAnswer),
    (answers.RepositoryCheck, repositories.RepositoryCheck),
    (answers.UploadAddress, uploads.UploadUrlResponse),
    (answers.Accepted, deploys.DeployResponse),
    (answers.Build, deploys.BuildReport),
    (answers.Counts, deploys.DeployCounts),
    (answers.Deploy, deploys.DeployStatusResponse),
    (answers.Deploys, deploys.ListDeploysResponse),
    (answers.Version, versions.VersionListItem),
    (answers.Versions, versions.VersionListResponse),
    (answers.FileDiff, versions.FileDiff),
    (answers.Rename, versions.Rename),
    (answers.RuleChange, versions.RuleDiff),
    (answers.Diff, versions.VersionDiffResponse),
    (answers.DownloadAddress, versions.DownloadUrlResponse),
    (answers.Restored, environments.RestoreVersionResponse),
    (answers.Promoted, environments.PromoteResponse),
    (answers.Environment, environments.EnvironmentResponse),
    (answers.Key, access.KeyResponse),
    (answers.Keys, access.ListKeysResponse),
    (answers.CreatedKey, access.CreatedKeyResponse),
    (answers.Limit, access.LimitResponse),
    (answers.Limits, access.ListLimitsResponse),
]


@pytest.mark.parametrize(("read", "written"), MODELS, ids=lambda kind: kind.__name__)
def test_every_field_that_is_read_is_one_that_the_server_writes(
    read: type[msgspec.Struct], written: type[BaseModel]
) -> None:
    promised = written.model_json_schema(mode="serialization")
    for field in msgspec.structs.fields(read):
        assert field.name in written.model_fields, field.name
        model = written.model_fields[field.name]
        # The server may leave out optional fields or set them to null, and the command line must accept that.
        assert field.required <= model.is_required(), field.name
        nullable = any(option.get("type") == "null" for option in promised["properties"][field.name].get("anyOf", ()))
        assert nullable <= may_be_null(field.type), field.name


def test_every_response_that_the_command_line_reads_is_compared() -> None:
    kinds = {kind for kind in vars(answers).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)}
    assert kinds - {answers.Answer} == {read for read, _ in MODELS}


def may_be_null(kind: Any) -> bool:
    return kind is Any or (get_origin(kind) in (typing.Union, types.UnionType) and type(None) in get_args(kind))
