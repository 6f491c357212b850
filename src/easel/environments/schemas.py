"""Requests and responses about environments."""

from __future__ import annotations

from pydantic import Field

from easel.environments.names import PRODUCTION, EnvironmentName
from easel.schemas import Answer, Line, Request


class RestoreVersionRequest(Request):
    """Points an environment at a version. The last three fields are not in the contract: Easel adds them."""

    environment: EnvironmentName | None = PRODUCTION
    with_config: bool = Field(default=False, description="Also restore the configuration of the version")
    lock: bool = Field(default=False, description="Also lock the environment, in the same transaction")
    lock_reason: Line | None = Field(default=None, max_length=1000)


class RestoreVersionResponse(Answer):
    """The version that the environment serves after the restore. `url` and `locked` are additions to the contract."""

    app_id: str
    version: int
    deploy_id: str
    environment: str
    asset_prefix: str
    url: str
    locked: bool = False


class PromoteResponse(Answer):
    """The version that production serves after the promotion. `url` is an addition to the contract."""

    app_id: str
    version: int | None = None
    deploy_id: str
    environment: str | None = PRODUCTION
    asset_prefix: str
    url: str


class LockRequest(Request):
    """Locks an environment, with a reason that other users see."""

    reason: Line = Field(min_length=1, max_length=1000)


class EnvironmentResponse(Answer):
    """An environment: the version that it serves, the number of its moves, and whether it is locked."""

    app_id: str
    environment: str
    version: int | None
    revision: int
    url: str
    locked: bool
    lock_reason: str | None = None
    locked_by: str | None = None
    locked_at: str | None = None
