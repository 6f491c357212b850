"""`easel keys`: API keys and their scopes."""

from __future__ import annotations

import click

from easel.cli.command import Group, client_command
from easel.cli.session import Session
from easel.cli.text import when


@click.group("keys", cls=Group, no_args_is_help=True)
def group() -> None:
    """List, create and revoke API keys."""


@client_command("list", group=group)
def list_keys(session: Session) -> None:
    """List API keys, without their secrets."""
    answer = session.client.list_keys()
    session.output.table(
        ("KEY", "NAME", "SCOPE", "APP", "SHORTENED KEY", "CREATED"),
        [(key.key_id, key.name, key.scope, key.app_id or "all", key.hint, when(key.created_at)) for key in answer.keys],
    )
    session.output.document(answer)


@client_command("create", group=group)
@click.argument("name", help="The purpose of the key.")
@click.option(
    "--scope",
    "-s",
    metavar="read|deploy|admin",
    help="The scope of the key. `deploy` includes `read`, and `admin` includes both.",
    default="deploy",
)
@click.option("--app", "-a", metavar="SLUG|ID", help="Limit the key to this app.")
def create(session: Session, name: str, scope: str, app: str | None) -> None:
    """Create an API key, and print it. It cannot be printed again."""
    app_id = session.app(app).app_id if app else None
    answer = session.client.create_key({"name": name, "scope": scope, "app_id": app_id})
    where = f" for {app}" if app else ""
    session.output.done(
        f"Created {answer.key_id} ({answer.scope}{where}). Save the key now, because it is not shown again."
    )
    session.output.line(answer.key)
    session.output.document(answer)


@client_command("revoke", group=group)
@click.argument("key_id", help="The key's id (key_…).")
def revoke(session: Session, key_id: str) -> None:
    """Revoke an API key. The key stops working at once."""
    session.client.revoke_key(key_id)
    session.output.done(f"Revoked {key_id}. Requests with this key are refused from now on.")
    session.output.document({"key_id": key_id, "revoked": True})
