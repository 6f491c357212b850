"""The report on a finished deploy."""

from __future__ import annotations

from collections.abc import Collection

import click

from easel.cli.answers import Deploy
from easel.cli.exit_codes import ExitCode
from easel.cli.session import Session
from easel.cli.text import duration, plural, size
from easel.deploys.errors import DeployCancelledError, DeploySkippedError
from easel.deploys.states import FAILED, LOCKED, OVERTAKEN

_IN_VIEW = 24
"""Number of lines of a log that a terminal still shows at the end."""


def report_end(session: Session, deploy: Deploy, log: Collection[str], *, app_is_gone: bool = False) -> None:
    """Reports how the deploy ended, with the address on stdout if the deploy is live.

    Also prints the notes that a terminal does not show any more: notes that the log has not shown, or all notes after a
    long log. `app_is_gone` is true if the app was created for this deploy and removed again. Raises click's Exit with
    DEPLOY_FAILED, or with CONFLICT if the deploy is not live because its environment is locked.
    """
    said = "\n".join(log)
    code = _told(session, deploy, said, app_is_gone=app_is_gone)
    for warning in deploy.warnings:
        # The log has shown the warnings too. After a long log, they have scrolled out of view.
        if len(log) > _IN_VIEW or warning not in said:
            session.output.warn(warning)
    session.output.document(deploy)
    if code is not ExitCode.OK:
        raise click.exceptions.Exit(int(code))


def _told(session: Session, deploy: Deploy, said: str, *, app_is_gone: bool) -> ExitCode:
    output = session.output
    if deploy.status == FAILED and deploy.error_code == DeployCancelledError.code:
        output.say("The deploy was cancelled. The live version did not change.", style="yellow")
        return ExitCode.DEPLOY_FAILED
    if deploy.status == FAILED and deploy.error_code == DeploySkippedError.code:
        output.say(
            "The deploy was skipped, because the push changed no files of this app. The live version did not change."
        )
        return ExitCode.OK
    if deploy.status == FAILED:
        error = deploy.error or "the reason is unknown"
        # Usually, the log has just ended with this reason, which tells more than the name of the step.
        if error not in said:
            step = f" in the step `{deploy.step}`" if deploy.step else ""
            output.say(f"The deploy failed{step}: {error}", style="red")
        if not app_is_gone:
            output.say(
                f"The live version did not change. Show the log with {session.again(f'logs {deploy.deploy_id}')}."
            )
        return ExitCode.DEPLOY_FAILED
    if deploy.outcome == LOCKED:
        output.say(
            f"Version {deploy.version} is recorded, but {deploy.environment} is locked, so the live version did not "
            f"change. After unlocking, run {session.again(f'restore {deploy.version} --env {deploy.environment}')}.",
            style="yellow",
        )
        output.line(deploy.version_url or "")
        return ExitCode.CONFLICT
    if deploy.outcome == OVERTAKEN:
        output.warn(
            f"version {deploy.version} is recorded, but did not go live, because a newer deploy went live first."
        )
        output.line(deploy.version_url or "")
        return ExitCode.OK
    counts = f" ({plural(deploy.counts.files, 'file')}, {size(deploy.counts.bytes)})" if deploy.counts else ""
    took = f", in {duration(deploy.timings['total'])}" if "total" in deploy.timings else ""
    output.done(f"Version {deploy.version} is live on {deploy.environment}{counts}{took}.")
    output.line(deploy.url or "")
    return ExitCode.OK
