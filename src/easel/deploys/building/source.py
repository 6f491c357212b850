"""Fetches the source of a deploy into a folder, before the build."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from easel.apps.models import App
from easel.bundles.errors import InspectionStoppedError
from easel.bundles.root import secret_kind
from easel.bundles.unpack import unpack
from easel.deploys.building.build_row import BuildRow
from easel.deploys.building.environment import options_of
from easel.deploys.building.parts import BuilderServices
from easel.deploys.building.store_bundle import limits_of
from easel.deploys.building.unchanged_sources import built_before, is_push, refuse_untouched
from easel.deploys.errors import BundleGoneError, PushSupersededError, RepositoryNotConnectedError
from easel.deploys.run_row import StopRequestedError
from easel.deploys.service import check_source_files
from easel.outgoing.addresses import Destinations
from easel.repositories.errors import NotTheHeadError
from easel.repositories.fetch.fetching import fetching
from easel.repositories.fetch.models import Branch, FetchLimits, Head, Ref, Sha
from easel.repositories.fetch.sources import SourceLimits, source_files
from easel.repositories.models import Repository
from easel.repositories.remotes import open_remote
from easel.repositories.service import connected
from easel.storage.errors import ObjectMissingError, ObjectTooLargeError
from easel.storage.object_names import sources_key
from easel.storage.translation import translated
from easel.uploads.errors import BundleTooLargeError


async def unpack_upload(parts: BuilderServices, row: BuildRow, into: Path, should_stop: Callable[[], bool]) -> None:
    """Unpacks the source that the user has uploaded into the empty folder `into`.

    Raises BundleGoneError, BundleTooLargeError, StorageFullError, the errors of `bundles` and of the store.
    """
    key, settings = row.deploy.bundle_s3_key, parts.settings
    assert key is not None
    with translated(key):
        parts.objects.reserve.require()
    try:
        async with parts.objects.pin(key, limit=settings.max_upload_size) as pinned:
            with translated(key):
                count = await asyncio.to_thread(
                    unpack, pinned.path, into, limits=limits_of(settings), should_stop=should_stop
                )
    except ObjectMissingError as error:
        raise BundleGoneError() from error
    except ObjectTooLargeError as error:
        raise BundleTooLargeError(limit=settings.max_upload_size) from error
    except InspectionStoppedError as error:
        raise StopRequestedError from error
    row.output(f"Source: {count} file{'s' if count != 1 else ''}")


async def fetch_commit(parts: BuilderServices, row: BuildRow, into: Path) -> Repository:
    """Fetches the deploy's commit from its Git repository into the empty folder `into`, and records the commit. Returns
    the repository that contains the commit.

    Raises PushSupersededError if the branch of a push has newer commits. Raises DeploySkippedError if a push changed
    none of the app's files. Raises RepositoryNotConnectedError, StorageFullError, the errors of `open_remote` and
    `fetching`, and database errors.
    """
    deploy, settings = row.deploy, parts.settings
    async with parts.database.transaction() as work:
        app = await work.session.get(App, deploy.app_id)
        repository = await connected(work, app) if app is not None and app.org_id == deploy.org_id else None
        pushed = await is_push(work, deploy)
        before = await built_before(work, deploy, app, repository) if app and repository and pushed else None
    if repository is None:
        # The app was disconnected from its repository after the deploy was accepted.
        raise RepositoryNotConnectedError()
    with translated(repository.repo_url):
        parts.objects.reserve.require()
    branch = deploy.git_branch or repository.branch
    ref: Ref = Branch(branch)
    if deploy.git_commit_sha:
        # Webhooks may arrive in another order than the pushes, and everybody who saw a webhook can send it again. An
        # old commit must not be deployed again in either case.
        ref = Head(deploy.git_commit_sha, branch) if pushed else Sha(deploy.git_commit_sha, branch)
    try:
        async with fetching(
            await open_remote(parts.vault, settings, repository),
            ref,
            into,
            destinations=Destinations.of(settings),
            limits=FetchLimits.of(settings),
            say=row.output,
        ) as fetched:
            commit = fetched.commit
            # From here on, a repeated run builds the same commit, even if the branch has moved.
            row.facts |= {
                "git_commit_sha": commit.sha,
                "git_commit_message": commit.message,
                "git_author": commit.author,
                "git_branch": commit.branch,
            }
            subject = commit.message.split("\n", 1)[0][:200]
            if pushed and deploy.git_commit_message is None and subject.strip():
                # The webhook contained no message, so the message of the deploy named only the branch.
                row.facts["message"] = subject.strip()
            row.output(f"Commit {commit.sha[:12]} of {commit.branch or branch}: {subject}")
            if before is not None:
                wanted = (options_of(deploy.build_config or {}), options_of(before.config, repository.root))
                await refuse_untouched(fetched, before, into, *wanted, row.output)
    except NotTheHeadError as error:
        raise PushSupersededError(**error.details) from error
    return repository


async def keep_sources(parts: BuilderServices, row: BuildRow, source: Path) -> None:
    """Stores the texts of the source (the folder `source`), unless the request for the deploy contained texts. Diffs
    between versions show these texts. Raises StorageFullError, StoreUnavailableError."""
    deploy = row.deploy
    if deploy.source_files_key is not None:
        return
    found = await asyncio.to_thread(source_files, source, SourceLimits.of(parts.settings))
    # Everybody who can read the version can read its source texts.
    texts = {path: text for path, text in found.items() if secret_kind(path) is None}
    if not texts:
        return
    data = await asyncio.to_thread(check_source_files, texts, parts.settings)
    key = sources_key(deploy.app_id, hashlib.sha256(data).hexdigest())
    await parts.objects.put(key, data)
    row.facts["source_files_key"] = key
