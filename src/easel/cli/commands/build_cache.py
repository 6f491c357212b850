"""`easel build-cache`: the folders that builds leave for later builds."""

from __future__ import annotations

import click

from easel.cli.command import Group, app_option, client_command
from easel.cli.session import Session


@click.group("build-cache", cls=Group, no_args_is_help=True)
def group() -> None:
    """Clear the cached dependencies and files that an app's builds reuse."""


@client_command("clear", group=group)
@app_option
def clear(session: Session, app: str | None) -> None:
    """Clear the app's build cache, so that its next builds reuse no dependencies, downloads or other files of earlier
    builds."""
    found = session.app(app)
    answer = session.client.clear_build_cache(found.app_id)
    session.output.done(
        f"Cleared the build cache of {found.slug}. The next build of each environment runs without a cache."
    )
    session.output.document(answer)
