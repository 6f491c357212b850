"""The jobs of a deploy: a builder makes a bundle if there is no bundle yet, and a worker makes the bundle a version."""

from __future__ import annotations

from typing import Any, Final

from easel.deploys.states import BUILD_STEPS
from easel.storage.queue import BUILDS, DEPLOYS, deferred

RUN_TASK: Final = "easel.deploys.run"
RUN_BUILT_TASK: Final = "easel.deploys.run_built"
"""The job that runs a built deploy. It has a separate name, because a worker of a release without builds would mistake
the source for the bundle."""
BUILD_TASK: Final = "easel.builds.run"

GIT: Final = "git"
"""The `source` of a deploy whose bundle is made from a commit."""


def next_job(app_id: str, deploy_id: str, *, step: str | None, built: bool) -> dict[str, Any]:
    """Returns the job (in the form of `deferred`) that continues the deploy at the given step. `built` is true if a
    builder has made the deploy's bundle. An app's jobs of one kind run one after another, in the order in which they
    were enqueued."""
    if built:
        return deferred(RUN_BUILT_TASK, queue=DEPLOYS, lock=app_id, deploy_id=deploy_id)
    return to_build(app_id, deploy_id) if step in BUILD_STEPS else to_run(app_id, deploy_id)


def to_run(app_id: str, deploy_id: str) -> dict[str, Any]:
    """Returns the job that makes the uploaded bundle a version."""
    return deferred(RUN_TASK, queue=DEPLOYS, lock=app_id, deploy_id=deploy_id)


def to_build(app_id: str, deploy_id: str) -> dict[str, Any]:
    """Returns the job that builds a source. The job can run at the same time as other deploys of the app."""
    return deferred(BUILD_TASK, queue=BUILDS, lock=f"build:{app_id}", deploy_id=deploy_id)
