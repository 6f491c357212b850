"""`easel status`, `logs`, `deploys`, `cancel`: the state of deploys."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from easel.cli.answers import Build, Deploy
from easel.cli.choices import find_deploy
from easel.cli.command import app_option, client_command
from easel.cli.commands.apps import environments_of
from easel.cli.errors import InterruptedByUserError
from easel.cli.exit_codes import ExitCode
from easel.cli.session import Session
from easel.cli.shipping.follow import Follower, LogLine, log_so_far, note_lost
from easel.cli.shipping.queue_note import note_long_wait, waiting_for
from easel.cli.text import duration, when
from easel.deploys.errors import DeployCancelledError, DeploySkippedError, DeploySupersededError
from easel.deploys.states import BUILD_QUEUED, BUILDING, COMPLETE, FAILED, FINAL, LOCKED, OVERTAKEN, QUEUED, in_order

_TOTAL = "total"
_CALLED = {
    DeployCancelledError.code: "cancelled",
    DeploySkippedError.code: "skipped",
    DeploySupersededError.code: "superseded",
}
"""The status that is shown for a deploy that ended without a version, but not because of a fault, by error code."""


@client_command("status")
@click.argument("deploy", help="A deploy's id (dep_…). [default: the newest]", required=False)
@app_option
def status(session: Session, deploy: str | None, app: str | None) -> None:
    """Show the live version of each environment, and the status of a deploy. Without an id, shows the newest deploy."""
    found = session.app(app)
    if deploy is not None:
        one = session.client.deploy_status(found.app_id, deploy)
        queued = one.status == QUEUED or one.step == BUILD_QUEUED
        _show(session, one, waits_for=session.client.list_deploys(found.app_id, limit=1).waits_for if queued else None)
        session.output.document(one)
        return
    page = session.client.list_deploys(found.app_id, limit=1)
    newest = page.deploys[0] if page.deploys else None
    session.output.line(f"{found.slug} ({found.app_id})  {found.url}", style="bold")
    for name, serves in environments_of(found):
        session.output.line(f"  {name + ':':<12}{serves}")
    if not found.is_active:
        session.output.warn(
            "The app is offline: all its addresses respond with 404. Put it online with `easel apps update --on-air`."
        )
    if newest is None:
        session.output.say("No deploy yet. Start one with `easel deploy -m …`.")
    else:
        session.output.line("Newest deploy")
        _show(session, newest, indent="  ", waits_for=page.waits_for)
    session.output.document(
        {
            "app_id": found.app_id,
            "slug": found.slug,
            "url": found.url,
            "environments": found.environments,
            "deploy": page.document["deploys"][0] if newest else None,
        }
    )


def _show(session: Session, deploy: Deploy, indent: str = "", waits_for: str | None = None) -> None:
    rows = [
        ("Deploy", deploy.deploy_id),
        ("Status", _status(deploy, waits_for)),
        ("Message", deploy.message or ""),
        ("Environment", deploy.environment or ""),
        ("Version", f"v{deploy.version}  {deploy.version_url or ''}" if deploy.version else ""),
        ("Queued", " by ".join(part for part in (when(deploy.queued_at), deploy.queued_by) if part)),
        ("Commit", " of ".join(part for part in ((deploy.git_commit_sha or "")[:12], deploy.git_branch) if part)),
        ("Build", _build(deploy.build)),
        ("Refused", ", ".join(deploy.build.refused_hosts) if deploy.build is not None else ""),
        ("Finished", when(deploy.finished_at)),
        ("Took", _timings(deploy.timings)),
        ("Error", deploy.error or ""),
        *(("Note", warning) for warning in deploy.warnings),
    ]
    for name, value in rows:
        if value:
            session.output.line(f"{indent}{name + ':':<13}{value}", style="red" if name == "Error" else None)


def _build(build: Build | None) -> str:
    """Returns a line about the build of a deploy: the sandbox and the tools."""
    if build is None:
        return ""
    facts = (
        build.sandbox,
        build.framework,
        build.package_manager,
        f"Node {build.node}" if build.node else None,
        f"{build.cache} cache" if build.cache else None,
    )
    return ", ".join(fact for fact in facts if fact)


def _timings(timings: dict[str, int]) -> str:
    """Returns a line with the durations of a deploy's steps, in their order."""
    each = in_order(timings).items()
    steps = ", ".join(f"{step.replace('_', ' ')} {duration(ms)}" for step, ms in each if step != _TOTAL)
    return f"{duration(timings[_TOTAL])} ({steps})" if _TOTAL in timings else steps


def _status(deploy: Deploy, waits_for: str | None = None) -> str:
    if deploy.status == QUEUED:
        return deploy.status + waiting_for(waits_for)
    if deploy.status == BUILDING and deploy.step == BUILD_QUEUED:
        return f"waiting to be built{waiting_for(waits_for)}"
    if deploy.status == BUILDING and deploy.step:
        return BUILDING if deploy.step == "build" else f"{BUILDING}: {deploy.step}"
    if deploy.status == FAILED:
        return _CALLED.get(deploy.error_code or "", FAILED)
    if deploy.status == COMPLETE and deploy.outcome in (LOCKED, OVERTAKEN):
        return f"complete, but not live: {deploy.outcome}"
    return deploy.status


@client_command("logs")
@click.argument("deploy", help="A deploy's id (dep_…). [default: the newest]", required=False)
@app_option
@click.option("--follow", "-f", help="Follow the log until the deploy has ended.", is_flag=True)
def logs(session: Session, deploy: str | None, app: str | None, follow: bool) -> None:
    """Print a deploy's log. With -f, follow the log until the deploy ends, and exit with code 5 if the deploy
    failed."""
    found = session.app(app)
    chosen = find_deploy(session.client, found.app_id, found.slug, deploy, running=False)
    lines: list[LogLine] = []

    def show(line: LogLine) -> None:
        lines.append(line)
        moment = datetime.fromtimestamp(line.ts, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        session.output.line(f"{moment}  {line.line}")

    if follow or chosen.status in FINAL:
        try:
            with note_long_wait(session, found.app_id, chosen.deploy_id):
                follower = Follower(session.client, found.app_id, chosen.deploy_id, show, note_lost(session))
                chosen = follower.to_the_end()
        except KeyboardInterrupt:
            again = session.again(f"logs -f {chosen.deploy_id}")
            raise InterruptedByUserError(what=f"Interrupted. The deploy continues. Follow it with {again}.") from None
    else:
        log_so_far(session.client, found.app_id, chosen.deploy_id, show)
        session.output.say(f"(The deploy is {_status(chosen)}. Follow it with `-f`.)")
    session.output.document(
        {"deploy_id": chosen.deploy_id, "status": chosen.status, "lines": [asdict(line) for line in lines]}
    )
    if follow and chosen.status == FAILED and chosen.error_code != DeploySkippedError.code:
        raise click.exceptions.Exit(int(ExitCode.DEPLOY_FAILED))


@client_command("deploys")
@app_option
@click.option(
    "--limit", "-n", help="Maximum number of deploys to list.", type=click.IntRange(min=1, max=100), default=20
)
def list_deploys(session: Session, app: str | None, limit: int) -> None:
    """List an app's deploys, newest first."""
    found = session.app(app)
    page = session.client.list_deploys(found.app_id, limit=limit)
    session.output.table(
        ("DEPLOY", "STATUS", "ENVIRONMENT", "VERSION", "QUEUED", "MESSAGE"),
        [
            (
                deploy.deploy_id,
                _status(deploy, page.waits_for),
                deploy.environment or "",
                f"v{deploy.version}" if deploy.version else "-",
                when(deploy.queued_at),
                (deploy.message or "").split("\n", 1)[0],
            )
            for deploy in page.deploys
        ],
    )
    if not page.deploys:
        session.output.say("No deploys yet. Start one with `easel deploy -m …`.")
    if page.total > len(page.deploys):
        session.output.say(f"{len(page.deploys)} of {page.total} deploys. Use `-n` to see more.")
    session.output.document(page)


@client_command("cancel")
@click.argument("deploy", help="A deploy's id (dep_…). [default: the newest]", required=False)
@app_option
def cancel(session: Session, deploy: str | None, app: str | None) -> None:
    """Cancel a deploy that is queued or building. Without an id, cancels the newest unfinished deploy."""
    found = session.app(app)
    deploy_id = deploy or find_deploy(session.client, found.app_id, found.slug, None, running=True).deploy_id
    cancelled = session.client.cancel_deploy(found.app_id, deploy_id)
    session.output.done(f"Cancelled {cancelled.deploy_id}. The live version did not change.")
    session.output.document(cancelled)
