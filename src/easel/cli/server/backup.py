"""`easel backup` and `restore-backup`, and `export` and `import`, which move an installation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from easel.cli.server.command import ServerCommand
from easel.cli.server.serve import data_dir_option, read_settings
from easel.cli.text import size

_place = click.argument("place", help="A folder, or a bucket's address (s3://bucket/prefix).")


def _command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    return click.command(name, cls=ServerCommand)


@_command("backup")
@_place
@data_dir_option
@click.option("--keys/--no-keys", default=True, help="Whether the backup includes the key that encrypts secrets.")
def backup(place: str, data_dir: Path | None, keys: bool) -> None:
    """Write a backup of everything to a folder or bucket, while Easel runs."""
    _back_up(place, data_dir, keys=keys)


@_command("restore-backup")
@_place
@click.option("--name", help="Name of the backup. [default: the newest]")
@data_dir_option
def restore_backup(place: str, name: str | None, data_dir: Path | None) -> None:
    """Restore a backup into an empty data folder (or database and bucket), while Easel is not running there."""
    _bring_back(place, data_dir, name=name)


@_command("export")
@_place
@data_dir_option
def export(place: str, data_dir: Path | None) -> None:
    """Write everything to a folder or bucket, so that `easel import` can read it on another machine."""
    _back_up(place, data_dir, keys=True)


@_command("import")
@_place
@data_dir_option
def import_(place: str, data_dir: Path | None) -> None:
    """Read the result of `easel export` into the empty database and object store in EASEL_DATABASE_URL and
    EASEL_OBJECTS_URL."""
    _bring_back(place, data_dir, name=None)


def _back_up(place: str, data_dir: Path | None, *, keys: bool) -> None:
    from easel.running.operating import back_up

    made = back_up(read_settings(data_dir=data_dir), place, with_keys=keys, say=_say)
    _say(
        f"Backup {made.name}: {made.objects} objects, {size(made.bytes)}. {made.copied} objects were copied now, and "
        "all other objects were already stored."
    )
    if keys and "://" not in place:
        Path(place).chmod(0o700)
    for problem in made.damaged:
        _say(f"NOT backed up correctly: {problem}")
    print(made.name)
    if made.damaged:
        raise click.exceptions.Exit(1)


def _bring_back(place: str, data_dir: Path | None, *, name: str | None) -> None:
    from easel.running.operating import bring_back

    index = bring_back(read_settings(data_dir=data_dir), place, name=name, say=_say)
    rows = sum(table.rows for table in index.tables.values())
    _say(f"Restored {rows} records and {len(index.objects)} objects. The hash of every object was checked.")


def _say(text: str) -> None:
    click.echo(f"easel: {text}", err=True)
