"""Accepts, reads and cancels deploys."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import func, select

from easel import clock
from easel.apps.models import App
from easel.builds.errors import BuildsOffError
from easel.bundles.names import check_path, printable
from easel.deploys.deploy_row import DeployRow
from easel.deploys.errors import (
    BuildMinutesError,
    BundleNotFoundError,
    BundleNotUploadedError,
    DeployAlreadyLiveError,
    DeployCancelledError,
    DeployFinishedError,
    DeployNotFoundError,
    DeploySkippedError,
    RepositoryNotConnectedError,
    SourceFilePathError,
    SourceFilesTooLargeError,
    SourceFilesTooManyError,
    TooManyWaitingBuildsError,
)
from easel.deploys.models import Deploy
from easel.deploys.phases import GIT, next_job
from easel.deploys.states import BUILD_QUEUED, FAILED, FINAL, MOVED, QUEUED
from easel.deploys.unbuilt import unbuilt_in_sources
from easel.environments.service import next_place
from easel.errors import EaselError
from easel.ids import new_id
from easel.repositories.fetch.models import check_sha
from easel.repositories.remote_url import check_branch
from easel.repositories.service import connected
from easel.settings import Settings
from easel.storage.channels import DEPLOYS_CHANNEL
from easel.storage.database import Database, Transaction
from easel.storage.object_names import sources_key
from easel.storage.objects import ObjectStore
from easel.storage.queue import Queue
from easel.storage.statements import statements
from easel.uploads.service import count_as_waiting, find_upload, note_found

_SQL = statements(__name__)


@dataclass(frozen=True, slots=True)
class DeployOrder:
    """A request for a deploy: the target environment, the message, and the source (an uploaded bundle or a Git
    commit)."""

    environment: str
    message: str
    source: str
    bundle_s3_key: str | None
    source_files: Mapping[str, str] | None
    git_commit_sha: str | None
    git_commit_message: str | None
    git_author: str | None
    git_branch: str | None = None
    build: bool = False
    build_config: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AcceptedDeploy:
    """A deploy that was just accepted. `sequence` is its place among the app's deploys, in the order in which they were
    accepted."""

    id: str
    environment: str
    sequence: int


async def accept(
    work: Transaction, objects: ObjectStore, queue: Queue, limits: Settings, app: App, order: DeployOrder, actor: str
) -> AcceptedDeploy:
    """Accepts a deploy: writes its row and enqueues its job in one transaction. An accepted deploy always ends once, as
    complete or failed.

    Raises the errors of `_of_repository`, or BundleNotFoundError and BundleNotUploadedError. Raises the errors of
    `require_place` if the deploy must be built, and the errors of `check_source_files`.
    """
    step = BUILD_QUEUED if order.build or order.source == GIT else None
    if order.source == GIT:
        order = await _of_repository(work, limits, app, order)
    else:
        await _require_upload(work, objects, app, order.bundle_s3_key)
    if step is not None:
        await require_place(work, limits, app.org_id)
    data = None
    if order.source_files is not None:
        data = await asyncio.to_thread(check_source_files, order.source_files, limits)
    # The app's row is locked from here on, so the orphan sweep cannot remove the sources before the deploy refers to
    # them.
    place = await next_place(work, app.id, app.org_id)
    sources = None
    if data is not None:
        sources = sources_key(app.id, hashlib.sha256(data).hexdigest())
        await objects.put(sources, data)
    accepted = AcceptedDeploy(new_id("dep"), order.environment, place.sequence)
    row = {
        "id": accepted.id,
        "sequence": accepted.sequence,
        "org": app.org_id,
        "app": app.id,
        "environment": order.environment,
        "source": order.source,
        "bundle_s3_key": order.bundle_s3_key,
        "source_files_key": sources,
        "message": order.message,
        "git_commit_sha": order.git_commit_sha,
        "git_commit_message": order.git_commit_message,
        "git_author": order.git_author,
        "git_branch": order.git_branch,
        "build_config": Jsonb(order.build_config) if order.build_config is not None else None,
        "queued_by": actor,
        "queued_at": clock.now(),
        "status": QUEUED,
        "step": step,
        "warnings": Jsonb(unbuilt_in_sources(order.source_files)),
    }
    await work.sql(_SQL["accept"], row)
    await queue.put(work, next_job(app.id, accepted.id, step=step, built=False))
    return accepted


async def _require_upload(work: Transaction, objects: ObjectStore, app: App, key: str | None) -> None:
    assert key is not None
    upload = await find_upload(work, app, key)
    if upload is None:
        raise BundleNotFoundError(bundle_s3_key=key)
    if objects.far:
        await work.release()
    found = await objects.head(key)
    await work.resume()
    if found is None:
        raise BundleNotUploadedError(bundle_s3_key=key)
    await note_found(work, upload, found)


async def _of_repository(work: Transaction, limits: Settings, app: App, order: DeployOrder) -> DeployOrder:
    """Returns the order of a deploy from the app's repository, with a checked branch and commit. Without a branch, it
    has the branch that the app follows. Raises RepositoryNotConnectedError, BranchNameError, CommitShaError."""
    repository = await connected(work, app)
    if repository is None:
        raise RepositoryNotConnectedError()
    return replace(
        order,
        bundle_s3_key=None,
        git_branch=check_branch(order.git_branch) if order.git_branch else repository.branch,
        git_commit_sha=check_sha(order.git_commit_sha) if order.git_commit_sha else None,
    )


async def require_place(work: Transaction, limits: Settings, organisation: str) -> None:
    """Raises BuildsOffError if builds are off. Raises TooManyWaitingBuildsError if the organisation has reached its
    limit of deploys waiting to be built. Raises BuildMinutesError if the organisation has used its build minutes of
    this day.

    Simultaneous requests may exceed the limits slightly. A running build is not ended.
    """
    if limits.builds == "off":
        raise BuildsOffError()
    ((waiting, took),) = await work.sql(_SQL["builds_taken"], {"org": organisation})
    if limits.max_waiting_builds and waiting >= limits.max_waiting_builds:
        raise TooManyWaitingBuildsError(
            limit=limits.max_waiting_builds, used=waiting, retry_after_seconds=60, retryable=True
        )
    used, allowed = minutes(took), limits.build_minutes_per_day
    if allowed and used >= allowed:
        until = next_day() - clock.now()
        raise BuildMinutesError(
            limit=allowed, used=used, retry_after_seconds=math.ceil(until.total_seconds()), retryable=True
        )


def minutes(milliseconds: int) -> int:
    """Returns a time in milliseconds as whole minutes."""
    return milliseconds // 60_000


def next_day() -> datetime:
    """Returns the time at which the next day begins (midnight in UTC). The count of a day's build minutes then starts
    again at zero."""
    return (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


async def note_build_time(database: Database, organisation: str, seconds: float) -> None:
    """Adds the time of a build in seconds to the organisation's build time of today. Raises database errors."""
    wanted = {"org": organisation, "milliseconds": round(seconds * 1000)}
    await database.statement(_SQL["took_build_time"], wanted)


def check_source_files(files: Mapping[str, str], limits: Settings) -> bytes:
    """Checks the source files of a deploy, and returns them as canonical JSON. Their paths are checked like the paths
    in a bundle.

    Raises SourceFilesTooManyError, SourceFilesTooLargeError, SourceFilePathError.
    """
    if len(files) > limits.source_files_max_count:
        raise SourceFilesTooManyError(count=len(files), limit=limits.source_files_max_count)
    size = sum(map(_size, files.values()))
    if size > limits.source_files_max_bytes:
        raise SourceFilesTooLargeError(size=size, limit=limits.source_files_max_bytes)
    checked: dict[str, str] = {}
    for path, content in files.items():
        try:
            normal = check_path(path)
        except EaselError as error:
            raise SourceFilePathError(reason=error.message, path=printable(path), cause=error.code) from error
        if normal in checked:
            raise SourceFilePathError(
                reason=f"The path `{printable(normal)}` is given twice.", path=printable(path), cause="path_duplicate"
            )
        checked[normal] = content
    return msgspec.json.encode(dict(sorted(checked.items())))


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


async def get_deploy(work: Transaction, app: App, deploy_id: str, *, lock: bool = False) -> Deploy:
    """Returns one deploy of the app. With `lock`, its row stays locked until the transaction ends. Raises
    DeployNotFoundError."""
    statement = select(Deploy).where(Deploy.id == deploy_id, Deploy.app_id == app.id, Deploy.org_id == app.org_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    deploy = await work.session.scalar(statement)
    if deploy is None:
        raise DeployNotFoundError(deploy_id=deploy_id)
    return deploy


async def list_deploys(work: Transaction, app: App, *, limit: int, offset: int) -> tuple[list[Deploy], int]:
    """Returns a page of the app's deploys, newest first, and the total number of its deploys."""
    mine = (Deploy.app_id == app.id, Deploy.org_id == app.org_id)
    rows = await work.session.scalars(
        select(Deploy).where(*mine).order_by(Deploy.sequence.desc()).limit(limit).offset(offset)
    )
    total = await work.session.scalar(select(func.count()).select_from(Deploy).where(*mine))
    return list(rows), total or 0


async def cancel(work: Transaction, app: App, deploy_id: str, actor: str) -> Deploy:
    """Cancels a queued or building deploy: it ends as failed at once, and a worker's later writes have no effect.
    Raises DeployNotFoundError and DeployFinishedError. Raises DeployAlreadyLiveError if its version is already live."""
    deploy = await get_deploy(work, app, deploy_id, lock=True)
    if deploy.status in FINAL:
        cancelled = deploy.error_code == DeployCancelledError.code
        raise DeployFinishedError(deploy_id=deploy_id, status="cancelled" if cancelled else deploy.status)
    if deploy.outcome == MOVED:
        raise DeployAlreadyLiveError(deploy_id=deploy_id, version=deploy.version)
    error = DeployCancelledError(actor=actor)
    await end_as_failed(work, deploy, error)
    return deploy


async def end_as_failed(work: Transaction, deploy: Deploy, error: EaselError) -> None:
    """Ends the deploy as failed. The error's message is its reason and its last log line. The caller has locked the
    deploy's row."""
    line = fail(deploy, error)
    await work.session.flush()
    await work.sql(_SQL["add_lines"], appended(deploy.id, [(clock.now(), line)]))
    await count_as_waiting(work, deploy.bundle_s3_key)


def fail(deploy: Deploy | DeployRow, error: EaselError) -> str:
    """Marks the deploy as failed with this error. The caller must write the deploy's row. Returns the line for the
    deploy's log."""
    deploy.status = FAILED
    deploy.error = error.message
    deploy.error_code = error.code
    deploy.finished_at = clock.now()
    how = "Deploy skipped" if isinstance(error, DeploySkippedError) else "Deploy failed"
    return f"{how}: {error.message}"


def appended(deploy_id: str, lines: Sequence[tuple[datetime, str]], *, tell: bool = True) -> dict[str, Any]:
    """Returns the arguments of the SQL part `lines_added`: the deploy's id, each log line with its time, and whether to
    notify the clients that follow the log."""
    return {
        "id": deploy_id,
        "tell": tell,
        "ts": [at for at, _ in lines],
        "lines": [line for _, line in lines],
        "channel": DEPLOYS_CHANNEL,
    }
