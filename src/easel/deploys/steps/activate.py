"""The step `activate`: makes the version live, unless a lock or a later request prevents it."""

from __future__ import annotations

from easel.deploys.deploy_row import DeployRow
from easel.deploys.errors import AppGoneError
from easel.deploys.states import LOCKED, MOVED, OVERTAKEN
from easel.deploys.steps.step import Run, Step
from easel.environments.errors import EnvironmentNotFoundError
from easel.environments.outcomes import UNCHANGED
from easel.environments.service import Move, MoveResult, move_pointer


class Activate(Step):
    """The step that makes the new version live. It sets the deploy's `outcome`: whether the environment's pointer
    moved."""

    name = "activate"

    def found(self, run: Run) -> bool:
        """Returns true if an earlier run has already moved the pointer."""
        return run.row.deploy.outcome is not None

    async def run(self, run: Run) -> None:
        """Moves the environment's pointer to the new version. Raises AppGoneError, VersionPrunedError, and database
        errors."""
        async with run.row.ours() as work:
            deploy = run.row.deploy
            deploy.step = self.name
            run.note_smoke_test()
            try:
                moved = await move_pointer(work, _move(deploy))
            except EnvironmentNotFoundError as error:
                raise AppGoneError() from error
            deploy.outcome = MOVED if moved.outcome == UNCHANGED else moved.outcome
            why = _why_not(deploy, moved)
            if why is not None:
                note = f"{why}, so version {deploy.version} is recorded but does not go live."
                run.row.say(note)
                deploy.warnings = [*deploy.warnings, note]


def _move(deploy: DeployRow) -> Move:
    assert deploy.version is not None
    return Move(
        deploy.app_id,
        deploy.org_id,
        deploy.environment,
        deploy.version,
        action="deploy",
        actor=deploy.queued_by,
        sequence=deploy.sequence,
        deploy_id=deploy.id,
    )


def _why_not(deploy: DeployRow, moved: MoveResult) -> str | None:
    """Returns the reason why the environment does not serve the new version."""
    if moved.outcome == LOCKED:
        return f"{deploy.environment} is locked by {moved.locked_by} ({moved.lock_reason or 'no reason given'})"
    if moved.outcome == OVERTAKEN:
        return f"a later request than this deploy has already changed the live version of {deploy.environment}"
    return None
