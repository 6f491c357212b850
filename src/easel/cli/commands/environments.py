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
    """Point production at the version that staging serves."""
    found = session.app(app)
    answer = session.client.promote(found.app_id)
    session.output.done(f"Version {answer.version} is live on production, as on staging.")
    session.output.line(answer.url)
    session.output.document(answer)


@client_command("publish")
@click.option("--message", "-m", help="What changed, like a commit message.")
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
    """Go back to the configuration published before. For code, use restore."""
    found = session.app(app)
    answer = session.client.rollback(found.app_id)
    session.output.done("The previously published configuration is live again.")
    warn_if_nothing_is_live(session, answer)
    session.output.line(answer.url)
    session.output.document(answer)


@client_command("lock")
@click.argument("environment", metavar="ENV", help="production or staging.")
@click.option("--message", "-m", help="The reason that others see; required.")
@app_option
def lock(session: Session, environment: str, message: str | None, app: str | None) -> None:
    """Lock an environment at the version it serves: deploys still become versions, but do not go live."""
    name = environment_or_default(session, environment)
    reason = message_or_ask(session, message, question="Why", missing=ReasonMissingError)
    found = session.app(app)
    answer = session.client.lock(found.app_id, name, reason)
    at = f"at version {answer.version}" if answer.version else "and serves no version"
    session.output.done(f"{name} is locked {at}. `easel unlock {name}` lets it move again.")
    session.output.document(answer)


@client_command("unlock")
@click.argument("environment", metavar="ENV", help="production or staging.")
@app_option
def unlock(session: Session, environment: str, app: str | None) -> None:
    """Let a locked environment move again."""
    name = environment_or_default(session, environment)
    found = session.app(app)
    answer = session.client.unlock(found.app_id, name)
    serves = f"serves version {answer.version}" if answer.version else "serves no version yet"
    session.output.done(f"{name} is unlocked. It {serves}.")
    session.output.document(answer)
