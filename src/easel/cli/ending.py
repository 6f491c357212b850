"""How a deploy ended, told."""

from __future__ import annotations

from collections.abc import Collection

import typer

from easel.cli.exit_codes import ExitCode
from easel.cli.session import Session
from easel.cli.text import plural, size
from easel.deploys.schemas import DeployStatusResponse


def tell_ending(session: Session, deploy: DeployStatusResponse, log: Collection[str]) -> None:
    """Says how the deploy ended, with the address on stdout where it is live, and what its log has not said already.

    Raises typer.Exit with DEPLOY_FAILED, or CONFLICT where a locked environment kept it from going live.
    """
    for warning in deploy.warnings:
        if not any(warning in line for line in log):
            session.output.warn(warning)
    code = _told(session, deploy)
    session.output.document(deploy)
    if code is not ExitCode.OK:
        raise typer.Exit(int(code))


def _told(session: Session, deploy: DeployStatusResponse) -> ExitCode:
    output = session.output
    if deploy.status == "failed":
        step = f" in the step `{deploy.step}`" if deploy.step else ""
        output.say(f"The deploy failed{step}: {deploy.error or 'no reason is known'}", style="red")
        output.say(f"The whole log: `easel logs {deploy.deploy_id}`. What was live before is live still.")
        return ExitCode.DEPLOY_FAILED
    if deploy.outcome == "locked":
        output.say(
            f"Version {deploy.version} is recorded, but {deploy.environment} is locked and stays as it is. "
            f"When it is unlocked: `easel restore {deploy.version} --env {deploy.environment}`.",
            style="yellow",
        )
        output.line(deploy.version_url or "")
        return ExitCode.CONFLICT
    if deploy.outcome == "overtaken":
        output.warn(f"version {deploy.version} is recorded; a newer deploy was live first, and stays.")
        output.line(deploy.version_url or "")
        return ExitCode.OK
    counts = f" ({plural(deploy.counts.files, 'file')}, {size(deploy.counts.bytes)})" if deploy.counts else ""
    took = f", in {deploy.timings['total']} ms" if "total" in deploy.timings else ""
    output.done(f"Version {deploy.version} is live on {deploy.environment}{counts}{took}.")
    output.line(deploy.url or "")
    return ExitCode.OK
