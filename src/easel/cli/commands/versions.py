"""`easel versions`, `diff`, `download`, `restore`: listing, comparing and restoring versions."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from easel.cli.answers import Version
from easel.cli.choices import environment_or_default, version_number
from easel.cli.command import app_option, client_command, env_option
from easel.cli.commands.differences import show_diff
from easel.cli.errors import FileExistsAlreadyError, OutputClosedError, TargetFolderMissingError
from easel.cli.session import Session
from easel.cli.shipping import upload
from easel.cli.text import size, when


@client_command("versions")
@app_option
@click.option("--limit", "-n", help="Maximum number of versions to list.", type=click.IntRange(min=1), default=20)
def list_versions(session: Session, app: str | None, limit: int) -> None:
    """List an app's versions, newest first, with the environments that serve them."""
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
        session.output.say("No versions yet. Create one with `easel deploy -m …`.")
    if answer.total > len(shown):
        session.output.say(f"{len(shown)} of {answer.total} versions. Use `-n` to see more.")
    session.output.document(answer)


def _live_on(version: Version) -> str:
    if version.pruned:
        return "(pruned)"
    return ", ".join(sorted(name for name, active in version.is_active.items() if active))


def _commit(version: Version) -> str:
    sha, marked, _ = (version.git_commit_sha or "").partition("-dirty")
    return sha[:8] + marked


@client_command("diff")
@click.argument("before", metavar="A", help="A version number (3 or v3), `latest`, `production` or `staging`.")
@click.argument("after", metavar="B", help="The version to compare with.")
@app_option
@click.option("--name-status", "names", help="Show only the names of the files that differ.", is_flag=True)
def diff(session: Session, before: str, after: str, app: str | None, names: bool) -> None:
    """Show the differences between two versions by file, and by line if both versions include their sources."""
    found = session.app(app)
    first = version_number(session.client, found.app_id, before)
    second = version_number(session.client, found.app_id, after)
    answer = session.client.diff(found.app_id, first, second)
    show_diff(session.output, answer, with_sources=not names)
    session.output.document(answer)


@client_command("download")
@click.argument("version", help="A version number (3 or v3), `latest`, `production` or `staging`.")
@app_option
@click.option(
    "--output",
    "-o",
    "target",
    metavar="FILE",
    help="The file to write. `-` means stdout. [default: SLUG-vN.zip]",
    type=click.Path(path_type=Path),
)
@click.option("--force", "-f", help="Replace an existing file.", is_flag=True)
def download(session: Session, version: str, app: str | None, target: Path | None, force: bool) -> None:
    """Download a version's zip, exactly as it was uploaded."""
    found = session.app(app)
    number = version_number(session.client, found.app_id, version)
    file = target or Path(f"{found.slug}-v{number}.zip")
    if file == Path("-"):
        if sys.stdout is None:
            raise OutputClosedError()
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


@client_command("restore")
@click.argument("version", help="A version number (3 or v3), `latest`, `production` or `staging`.")
@app_option
@env_option
@click.option("--with-config", help="Also restore the configuration of the version.", is_flag=True)
@click.option("--lock", metavar="REASON", help="Also lock the environment, with this reason.")
def restore(
    session: Session, version: str, app: str | None, env: str | None, with_config: bool, lock: str | None
) -> None:
    """Make a version live on an environment, at once."""
    found = session.app(app)
    environment = environment_or_default(session, env)
    request = {"environment": environment, "with_config": with_config, "lock": lock is not None, "lock_reason": lock}
    number = version_number(session.client, found.app_id, version)
    answer = session.client.restore(found.app_id, number, request)
    locked = f", which is now locked: {lock}" if answer.locked and lock else ""
    session.output.done(f"Version {answer.version} is live on {answer.environment}{locked}.")
    session.output.line(answer.url)
    session.output.document(answer)
