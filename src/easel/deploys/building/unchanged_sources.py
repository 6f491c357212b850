"""Ends the deploy of a push without building it, if the push changed none of the files that the app is built from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import exists, select

from easel.apps.models import App
from easel.builds.detect.errors import BuildPlanError
from easel.builds.detect.models import BuildOptions
from easel.builds.detect.touched import Rule, rule_of, touched
from easel.bundles.names import printable
from easel.deploys.deploy_row import DeployRow
from easel.deploys.errors import DeploySkippedError
from easel.deploys.models import Deploy
from easel.deploys.phases import GIT
from easel.deploys.states import COMPLETE
from easel.repositories.fetch.fetching import FetchedCommit
from easel.repositories.models import Repository, WebhookDelivery
from easel.storage.database import Transaction

_NAMED: Final = 5
"""Maximum number of paths in a log line."""


@dataclass(frozen=True, slots=True)
class PreviousBuild:
    """The latest version that an environment got from the repository: its number, its commit, and the app's
    `build_config` when it was built."""

    version: int
    sha: str
    config: Mapping[str, Any]


async def is_push(work: Transaction, deploy: DeployRow) -> bool:
    """Returns true if the webhook of a push caused the deploy. Returns false if a user requested the deploy."""
    heard = exists().where(
        WebhookDelivery.app_id == deploy.app_id,
        WebhookDelivery.org_id == deploy.org_id,
        WebhookDelivery.deploy_id == deploy.id,
    )
    return bool(await work.session.scalar(select(heard)))


async def built_before(work: Transaction, deploy: DeployRow, app: App, repository: Repository) -> PreviousBuild | None:
    """Returns the earlier version with which the commit of a push is compared. Returns None for the first deploy.

    Also returns None if the app's settings were published, or the repository was connected, after that version's build
    began. A new build would then have another result.
    """
    found = await work.session.execute(
        select(Deploy.version, Deploy.git_commit_sha, Deploy.started_at, App.published["build_config"])
        .join(App, App.id == Deploy.app_id)
        .where(
            Deploy.app_id == deploy.app_id,
            Deploy.org_id == deploy.org_id,
            Deploy.environment == deploy.environment,
            Deploy.source == GIT,
            Deploy.status == COMPLETE,
        )
        .order_by(Deploy.sequence.desc())
        .limit(1)
    )
    version, sha, began, config = found.one_or_none() or (None, None, None, None)
    changes = [at for at in (app.published_at, repository.connected_at) if at is not None]
    if version is None or sha is None or began is None or began < max(changes):
        return None
    return PreviousBuild(version, sha, config or {})


async def refuse_untouched(
    fetched: FetchedCommit,
    before: PreviousBuild,
    source: Path,
    wanted: BuildOptions,
    app: BuildOptions,
    say: Callable[[str], None],
) -> None:
    """Raises DeploySkippedError if no file that the app is built from differs between the version `before` and the
    fetched commit (in the folder `source`). A commit without any changed file is built, because users push an empty
    commit to request a build."""
    try:
        root, rule = await asyncio.to_thread(rule_of, source, wanted, app)
    except BuildPlanError:
        # The build itself will report this error.
        return
    if not root and not rule.ignore:
        # The app is built from every file of the repository.
        return
    changed = await fetched.changed_since(before.sha)
    if changed is None:
        say(
            f"Easel cannot determine the changes since version {before.version} (commit {before.sha[:12]}), so "
            f"this commit is built."
        )
    if not changed or await asyncio.to_thread(touched, changed, root, rule):
        return
    count = f"{len(changed)} file{'s' if len(changed) > 1 else ''}"
    say(f"Changed since version {before.version} (commit {before.sha[:12]}): {count}, {_named(changed)}.")
    raise DeploySkippedError(version=before.version, rule=_told(root, rule))


def _told(root: str, rule: Rule) -> str:
    those = f"in {_named((root, *rule.folders))}, or directly in a parent folder" if root else "all"
    return f"{those}, except files that match `ignore` ({_named(rule.ignore)})" if rule.ignore else those


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(f"`{printable(name[:200])}`" for name in names[:_NAMED]) + more
