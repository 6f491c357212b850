"""`easel promote`, `publish`, `rollback`, `lock`, `unlock`: the versions of environments, and their locks."""

from __future__ import annotations

import click

from easel.cli.choices import environment_or_default, message_or_ask
from easel.cli.command import app_option, client_command
from easel.cli.commands.apps import warn_if_nothing_is_live
from easel.cli.errors import ReasonMissingError
from easel.cli.session import Session


@client_command("promote")
@app_option
def promote(session: Session, app: str | None) -> None:
    """Make the version that staging serves live on production."""
    found = session.app(app)
    answer = session.client.promote(found.app_id)
    session.output.done(f"Version {answer.version} is now live on production, as it is on staging.")
    session.output.line(answer.url)
    session.output.document(answer)


@client_command("publish")
@click.option("--message", "-m", help="A description of the change, like a commit message.")
@app_option
def publish(session: Session, message: str | None, app: str | None) -> None:
    """Make an app's draft configuration live, as a new version."""
    text = message_or_ask(session, message)
    found = session.app(app)
    answer = session.client.publish(found.app_id, text)
    session.output.done(f"Published as version {answer.version}.")
    warn_if_nothing_is_live(session, answer)
    session.output.line(answer.url)
    session.output.document(answer)


@client_command("rollback")
@app_option
def rollback(session: Session, app: str | None) -> None:
    """Make the previously published configuration live again. To restore an earlier version of the code, use
    restore."""
    found = session.app(app)
    answer = session.client.rollback(found.app_id)
    session.output.done("The previously published configuration is live again.")
    warn_if_nothing_is_live(session, answer)
    session.output.line(answer.url)
    session.output.document(answer)


@client_command("lock")
@click.argument("environment", metavar="ENV", help="`production` or `staging`.")
@click.option("--message", "-m", help="The reason, which other users see; required.")
@app_option
def lock(session: Session, environment: str, message: str | None, app: str | None) -> None:
    """Lock an environment, so that its live version does not change. Deploys still create versions, but these versions
    do not go live."""
    name = environment_or_default(session, environment)
    reason = message_or_ask(session, message, question="Why", missing=ReasonMissingError)
    found = session.app(app)
    answer = session.client.lock(found.app_id, name, reason)
    at = f"at version {answer.version}" if answer.version else "without a live version"
    session.output.done(f"{name} is locked {at}. Unlock it with `easel unlock {name}`.")
    session.output.document(answer)


@client_command("unlock")
@click.argument("environment", metavar="ENV", help="`production` or `staging`.")
@app_option
def unlock(session: Session, environment: str, app: str | None) -> None:
    """Unlock an environment, so that its live version can change again."""
    name = environment_or_default(session, environment)
    found = session.app(app)
    answer = session.client.unlock(found.app_id, name)
    serves = f"serves version {answer.version}" if answer.version else "has no live version yet"
    session.output.done(f"{name} is unlocked, and {serves}.")
    session.output.document(answer)
