"""`easel promote`, `publish`, `rollback`, `lock`, `unlock`: what an environment serves, and whether it may move."""

from __future__ import annotations

from typing import Annotated

import typer

from easel.cli.command import AppOption, client_command
from easel.cli.session import Session

EnvironmentArgument = Annotated[str, typer.Argument(metavar="ENV", help="production or staging.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    client_command(app, "promote", rich_help_panel="Environments")(promote)
    client_command(app, "publish", rich_help_panel="Environments")(publish)
    client_command(app, "rollback", rich_help_panel="Environments")(rollback)
    client_command(app, "lock", rich_help_panel="Environments")(lock)
    client_command(app, "unlock", rich_help_panel="Environments")(unlock)


def promote(session: Session, app: AppOption = None) -> None:
    """Point production at what staging serves."""
    found = session.app(app)
    answer = session.client.promote(found.app_id)
    session.output.done(f"Version {answer.version} is live on production, as on staging.")
    session.output.line(answer.url)
    session.output.document(answer)


def publish(
    session: Session,
    message: Annotated[str | None, typer.Option("--message", "-m", help="What changed, like a commit message.")] = None,
    app: AppOption = None,
) -> None:
    """Make an app's draft configuration live, as a new version."""
    from easel.cli.choices import message_or_ask

    text = message_or_ask(session, message)
    found = session.app(app)
    answer = session.client.publish(found.app_id, text)
    session.output.done(f"Published as version {answer.version}.")
    session.output.line(answer.url)
    session.output.document(answer)


def rollback(session: Session, app: AppOption = None) -> None:
    """Go back to the configuration published before. For code, use restore."""
    found = session.app(app)
    answer = session.client.rollback(found.app_id)
    session.output.done("The configuration published before is live again.")
    session.output.line(answer.url)
    session.output.document(answer)


def lock(
    session: Session,
    environment: EnvironmentArgument,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="Why, for whoever runs into it; needed.")
    ] = None,
    app: AppOption = None,
) -> None:
    """Keep an environment at the version it serves: deploys become versions, and nothing moves it."""
    from easel.cli.choices import environment_or_default, message_or_ask
    from easel.cli.errors import ReasonMissingError

    name = environment_or_default(session, environment)
    reason = message_or_ask(session, message, question="Why", missing=ReasonMissingError)
    found = session.app(app)
    answer = session.client.lock(found.app_id, name, reason)
    at = f"at version {answer.version}" if answer.version else "and serves no version"
    session.output.done(f"{name} is locked {at}. `easel unlock {name}` lets it move again.")
    session.output.document(answer)


def unlock(session: Session, environment: EnvironmentArgument, app: AppOption = None) -> None:
    """Let a locked environment move again."""
    from easel.cli.choices import environment_or_default

    name = environment_or_default(session, environment)
    found = session.app(app)
    answer = session.client.unlock(found.app_id, name)
    serves = f"serves version {answer.version}" if answer.version else "serves no version yet"
    session.output.done(f"{name} is unlocked. It {serves}.")
    session.output.document(answer)
