"""`easel versions`, `diff`, `download`, `restore`: what was ever live, and back to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from easel.cli.command import AppOption, EnvOption, client_command
from easel.cli.session import Session

if TYPE_CHECKING:
    from easel.versions.schemas import VersionListItem

VersionArgument = Annotated[str, typer.Argument(help="A number (3 or v3), latest, production or staging.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    client_command(app, "versions", rich_help_panel="Versions")(list_versions)
    client_command(app, "diff", rich_help_panel="Versions")(diff)
    client_command(app, "download", rich_help_panel="Versions")(download)
    client_command(app, "restore", rich_help_panel="Versions")(restore)


def list_versions(
    session: Session,
    app: AppOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
) -> None:
    """List an app's versions, newest first, and which environments serve them."""
    from easel.cli.text import size, when

    found = session.app(app)
    answer = session.client.list_versions(found.app_id)
    shown = answer.versions[:limit]
    session.output.table(
        ("VERSION", "LIVE ON", "WHEN", "FILES", "SIZE", "COMMIT", "MESSAGE"),
        [
            (
                f"v{version.version}",
                _live_on(version),
                when(version.deployed_at),
                str(version.file_count),
                size(version.total_bytes),
                _commit(version),
                (version.message or "").split("\n", 1)[0],
            )
            for version in shown
        ],
    )
    if not shown:
        session.output.say("No versions yet: `easel deploy -m …` makes the first.")
    if answer.total > len(shown):
        session.output.say(f"{len(shown)} of {answer.total}; `-n` shows more.")
    session.output.document(answer)


def _live_on(version: VersionListItem) -> str:
    if version.pruned:
        return "(pruned)"
    return ", ".join(sorted(name for name, active in version.is_active.items() if active))


def _commit(version: VersionListItem) -> str:
    sha, marked, _ = (version.git_commit_sha or "").partition("-dirty")
    return sha[:8] + marked


def diff(
    session: Session,
    before: Annotated[str, typer.Argument(metavar="A", help="A number (3 or v3), latest, production or staging.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The version to compare it with.")],
    app: AppOption = None,
    names: Annotated[bool, typer.Option("--name-status", help="Only the names of what differs.")] = False,
) -> None:
    """Show what differs between two versions: files, and source lines where both brought their source along."""
    from easel.cli.choices import version_number
    from easel.cli.differences import show_diff

    found = session.app(app)
    first = version_number(session.client, found.app_id, before)
    second = version_number(session.client, found.app_id, after)
    answer = session.client.diff(found.app_id, first, second)
    show_diff(session.output, answer, with_sources=not names)
    session.output.document(answer)


def download(
    session: Session,
    version: VersionArgument,
    app: AppOption = None,
    target: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to; `-` is stdout. SLUG-vN.zip here otherwise."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,
) -> None:
    """Download a version's zip, byte for byte as it was uploaded."""
    from easel.cli import upload
    from easel.cli.choices import version_number
    from easel.cli.errors import FileExistsAlreadyError, TargetFolderMissingError
    from easel.cli.text import size

    found = session.app(app)
    number = version_number(session.client, found.app_id, version)
    file = target or Path(f"{found.slug}-v{number}.zip")
    if file == Path("-"):
        address = session.client.download_url(found.app_id, number)
        upload.download_to(address.download_url, sys.stdout.buffer, session.output)
        return
    if file.is_dir():
        file = file / f"{found.slug}-v{number}.zip"
    if not file.parent.is_dir():
        raise TargetFolderMissingError(folder=str(file.parent))
    if file.exists() and not force:
        raise FileExistsAlreadyError(path=str(file))
    address = session.client.download_url(found.app_id, number)
    received = upload.download(address.download_url, file, session.output)
    session.output.done(f"Downloaded version {number}: {size(received)}.")
    session.output.line(str(file))
    session.output.document({"app_id": found.app_id, "version": number, "file": str(file), "bytes": received})


def restore(
    session: Session,
    version: VersionArgument,
    app: AppOption = None,
    env: EnvOption = None,
    with_config: Annotated[
        bool, typer.Option("--with-config", help="Bring the configuration of that time along.")
    ] = False,
    lock: Annotated[
        str | None, typer.Option("--lock", metavar="REASON", help="Lock the environment there, saying why.")
    ] = None,
) -> None:
    """Point an environment at a version, at once."""
    from easel.cli.choices import environment_or_default, version_number
    from easel.environments.schemas import RestoreVersionRequest

    found = session.app(app)
    environment = environment_or_default(session, env)
    request = RestoreVersionRequest.model_validate(
        {"environment": environment, "with_config": with_config, "lock": lock is not None, "lock_reason": lock}
    )
    number = version_number(session.client, found.app_id, version)
    answer = session.client.restore(found.app_id, number, request)
    locked = f", and locked there: {lock}" if answer.locked and lock else ""
    session.output.done(f"Version {answer.version} is live on {answer.environment}{locked}.")
    session.output.line(answer.url)
    session.output.document(answer)
