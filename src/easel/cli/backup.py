"""`easel backup`, `restore-backup`, and the same under the names under which one moves: `export`, `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from easel.cli.serve import DataDir, read_settings

Place = Annotated[str, typer.Argument(metavar="PLACE", help="A folder, or a bucket's address (s3://bucket/prefix).")]
Name = Annotated[str | None, typer.Option("--name", help="Which backup; the newest otherwise.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    panel = "Running Easel"
    app.command(rich_help_panel=panel)(backup)
    app.command("restore-backup", rich_help_panel=panel)(restore_backup)
    app.command("export", rich_help_panel=panel)(export)
    app.command("import", rich_help_panel=panel)(import_)


def backup(
    place: Place,
    data_dir: DataDir = None,
    keys: Annotated[
        bool, typer.Option("--keys/--no-keys", help="Whether the key that secrets are encrypted with is in it.")
    ] = True,
) -> None:
    """Write a backup of everything to a folder or bucket, while Easel runs."""
    from easel.cli.text import size
    from easel.operating import back_up

    made = back_up(read_settings(data_dir=data_dir), place, with_keys=keys, say=_say)
    _say(f"Backup {made.name}: {made.objects} objects, {size(made.bytes)}; {made.copied} of them were new there.")
    if keys and "://" not in place:
        Path(place).chmod(0o700)
    for problem in made.damaged:
        _say(f"NOT in it as it should be: {problem}")
    print(made.name)
    if made.damaged:
        raise typer.Exit(1)


def restore_backup(place: Place, name: Name = None, data_dir: DataDir = None) -> None:
    """Bring a backup back into an empty data folder (or database and bucket) while Easel does not run there."""
    from easel.operating import bring_back

    index = bring_back(read_settings(data_dir=data_dir), place, name=name, say=_say)
    rows = sum(table.rows for table in index.tables.values())
    _say(f"Brought back {rows} records and {len(index.objects)} objects, each checked against its hash.")


def export(place: Place, data_dir: DataDir = None) -> None:
    """Write everything to a folder or bucket, to move it: `easel import` reads it elsewhere."""
    backup(place, data_dir)


def import_(place: Place, data_dir: DataDir = None) -> None:
    """Read what `easel export` wrote into an empty database and store, as EASEL_DATABASE_URL and EASEL_OBJECTS_URL
    name them."""
    restore_backup(place, None, data_dir)


def _say(text: str) -> None:
    typer.echo(f"easel: {text}", err=True)
