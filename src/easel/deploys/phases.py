"""The two jobs of a deploy: a builder builds a bundle if there is no bundle yet, and a worker makes a version of the
bundle."""

from __future__ import annotations

from typing import Any, Final

from easel.deploys.states import BUILD_STEPS
from easel.storage.queue import BUILDS, DEPLOYS, deferred

RUN_TASK: Final = "easel.deploys.run"
RUN_BUILT_TASK: Final = "easel.deploys.run_built"
"""The name of the job for a deploy that was already built. It is a separate name, because a worker of an old release
that knows no builds would mistake the source for the bundle."""
BUILD_TASK: Final = "easel.builds.run"

GIT: Final = "git"
"""The value of `source` in a deploy whose bundle is built from a Git commit."""


def next_job(app_id: str, deploy_id: str, *, step: str | None, built: bool) -> dict[str, Any]:
    """Returns the job that continues the deploy at the given step, as arguments for the queue. `built` is true if a
    builder has built the deploy's bundle. The jobs of one kind for an app run one after another, in the order in which
    they were enqueued."""
    if built:
        return deferred(RUN_BUILT_TASK, queue=DEPLOYS, lock=app_id, deploy_id=deploy_id)
    return to_build(app_id, deploy_id) if step in BUILD_STEPS else to_run(app_id, deploy_id)


def to_run(app_id: str, deploy_id: str) -> dict[str, Any]:
    """Returns the job in which a worker makes a version of the uploaded bundle."""
    return deferred(RUN_TASK, queue=DEPLOYS, lock=app_id, deploy_id=deploy_id)


def to_build(app_id: str, deploy_id: str) -> dict[str, Any]:
    """Returns the job in which a builder builds the source. It can run at the same time as other deploys of the app."""
    return deferred(BUILD_TASK, queue=BUILDS, lock=f"build:{app_id}", deploy_id=deploy_id)
