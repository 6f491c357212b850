"""The commands that run Easel itself: serve, api, worker, builder, edge, migrate."""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from easel.cli.errors import SettingInvalidError
from easel.cli.server.command import ServerCommand

if TYPE_CHECKING:
    from easel.settings import Settings

# Each command imports its implementation on demand, because the light command line does not contain it.

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The data folder. [EASEL_DATA_DIR, default: data]",
)
_api_port = click.option("--api-port", type=int, help="Port of the api. [EASEL_API_PORT, default: 8000]")
_edge_port = click.option("--edge-port", type=int, help="Port of the edge. [EASEL_EDGE_PORT, default: 8080]")
_domain = click.option(
    "--domain", help="The domain of the apps, which are served at {app}.DOMAIN. [EASEL_DOMAIN, default: localhost]"
)


@click.command("serve", cls=ServerCommand)
@data_dir_option
@click.option("--api-host", help="Address that the api listens on. [127.0.0.1]")
@_api_port
@click.option("--edge-host", help="Address that the edge listens on. [127.0.0.1]")
@_edge_port
@click.option("--edge-processes", type=int, help="Number of edge processes. [1]")
@_domain
@click.option("--api-url", help="Public URL of the api.")
def serve(**given: Any) -> None:
    """Run everything on this machine: PostgreSQL, api, worker, builder and edge. If EASEL_ROLE is set, run only the
    roles in it."""
    # Imports make hardly any garbage. The supervisor enables the collector again, after its last import.
    gc.disable()
    # Easel uses no plugins of pydantic. Looking for plugins reads the metadata of all installed packages.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from easel.running.supervisor import Supervisor

    settings = read_settings(**given)
    # Without a terminal, the output goes to a journal or a file, which other users may be able to read.
    attended = sys.stdout.isatty()
    Supervisor(settings, lambda line: print(f"easel: {line}", flush=True), attended=attended).run()
    # Freeing all modules would take longer than the rest of the shutdown.
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@click.command("api", cls=ServerCommand)
@data_dir_option
@_api_port
@_domain
def api(**given: Any) -> None:
    """Run only an api on this machine."""
    from easel.running.single_role import run_alone

    run_alone("api", read_settings(**given))


@click.command("worker", cls=ServerCommand)
@data_dir_option
def worker(**given: Any) -> None:
    """Run only a worker on this machine."""
    from easel.running.single_role import run_alone

    run_alone("worker", read_settings(**given))


@click.command("builder", cls=ServerCommand)
@data_dir_option
def builder(**given: Any) -> None:
    """Run only a builder on this machine."""
    from easel.running.single_role import run_alone

    run_alone("builder", read_settings(**given))


@click.command("edge", cls=ServerCommand)
@data_dir_option
@_edge_port
@_domain
def edge(**given: Any) -> None:
    """Run only an edge on this machine."""
    from easel.running.single_role import run_alone

    run_alone("edge", read_settings(**given))


@click.command("migrate", cls=ServerCommand)
@data_dir_option
def migrate(**given: Any) -> None:
    """Upgrade the database to the schema of this release. Several machines may run this at the same time."""
    from easel.running.operating import migrate_database

    migrate_database(read_settings(**given))
    print("The database is up to date.")


@click.command("new-secret-key", cls=ServerCommand)
@data_dir_option
def new_secret_key(**given: Any) -> None:
    """Replace a lost secret key with the key of this machine. Afterwards, the secrets of all apps must be set again."""
    from easel.running.operating import replace_key

    replace_key(read_settings(**given))
    print("The database now uses this secret key. Restart every api.")


@click.command("organisation", cls=ServerCommand)
@click.argument("name", help="Name of the organisation.")
@data_dir_option
def organisation(name: str, **given: Any) -> None:
    """Create another organisation, with its own apps and keys, and print its first API key."""
    from easel.running.operating import create_organisation_with_key

    print(create_organisation_with_key(read_settings(**given), name))


def read_settings(**given: Any) -> Settings:
    """Returns the settings from the environment and the options. Warns about EASEL_* variables that are not settings.
    Raises SettingInvalidError."""
    from pydantic import ValidationError

    from easel.settings import Settings
    from easel.settings.unknown import unknown_variables

    for variable, nearest in unknown_variables(os.environ, Settings.model_fields).items():
        meant = f" Did you mean {nearest}?" if nearest else ""
        click.echo(f"easel: Warning: {variable} is not a setting and has no effect.{meant}", err=True)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).lower()
        option = f"`--{name.replace('_', '-')}`" if given.get(name) is not None else f"EASEL_{name.upper()}"
        reason = first["msg"].removeprefix("Value error, ")
        # The value may be an address with a password, which must not be printed.
        scheme, border, rest = str(first["input"]).partition("://")
        hidden = f"***@{rest.rpartition('@')[2]}" if "@" in rest else rest
        raise SettingInvalidError(setting=option, value=f"{scheme}{border}{hidden}", reason=reason) from None
