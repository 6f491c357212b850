"""`easel keys`: who may do what."""

from __future__ import annotations

from typing import Annotated

import typer

from easel.cli.command import client_command
from easel.cli.session import Session


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="List, create and revoke API keys.", no_args_is_help=True)
    client_command(group, "list")(list_keys)
    client_command(group, "create")(create)
    client_command(group, "revoke")(revoke)
    app.add_typer(group, name="keys", rich_help_panel="Access")


def list_keys(session: Session) -> None:
    """List API keys, without their secrets."""
    from easel.cli.text import when

    answer = session.client.list_keys()
    session.output.table(
        ("KEY", "NAME", "SCOPE", "APP", "BEGINS AND ENDS", "CREATED"),
        [(key.key_id, key.name, key.scope, key.app_id or "all", key.hint, when(key.created_at)) for key in answer.keys],
    )
    session.output.document(answer)


def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        str, typer.Option("--scope", "-s", metavar="read|deploy|admin", help="Each includes the ones before it.")
    ] = "deploy",
    app: Annotated[
        str | None, typer.Option("--app", "-a", metavar="SLUG|ID", help="Limit the key to this app.")
    ] = None,
) -> None:
    """Create an API key. It is printed this once and never again."""
    from easel.access.schemas import CreateKeyRequest

    app_id = session.app(app).app_id if app else None
    request = CreateKeyRequest.model_validate({"name": name, "scope": scope, "app_id": app_id})
    answer = session.client.create_key(request)
    where = f" for {app}" if app else ""
    session.output.done(f"Created {answer.key_id} ({answer.scope}{where}). Keep the key now: it is not shown again.")
    session.output.line(answer.key)
    session.output.document(answer)


def revoke(
    session: Session, key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id (key_…).")]
) -> None:
    """Revoke an API key, at once."""
    session.client.revoke_key(key_id)
    session.output.done(f"Revoked {key_id}. Requests with it are refused from now on.")
    session.output.document({"key_id": key_id, "revoked": True})
