"""The commands that run Easel itself: serve, api, worker, edge, migrate."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from easel.settings import Settings

DataDir = Annotated[Path | None, typer.Option(help="Folder of the embedded parts. [EASEL_DATA_DIR, default: data]")]
ApiPort = Annotated[int | None, typer.Option(help="Port of the api. [EASEL_API_PORT, default: 8000]")]
EdgePort = Annotated[int | None, typer.Option(help="Port of the edge. [EASEL_EDGE_PORT, default: 8080]")]
Domain = Annotated[str | None, typer.Option(help="Apps answer at {app}.DOMAIN. [EASEL_DOMAIN, default: localhost]")]


def register(app: typer.Typer) -> None:
    """Adds the commands to the program."""
    panel = "Running Easel"

    @app.command(rich_help_panel=panel)
    def serve(
        data_dir: DataDir = None,
        api_host: Annotated[str | None, typer.Option(help="Address the api listens on. [127.0.0.1]")] = None,
        api_port: ApiPort = None,
        edge_host: Annotated[str | None, typer.Option(help="Address the edge listens on. [127.0.0.1]")] = None,
        edge_port: EdgePort = None,
        edge_processes: Annotated[int | None, typer.Option(help="Edge processes on the port. [1]")] = None,
        domain: Domain = None,
        api_url: Annotated[str | None, typer.Option(help="Public address of the api.")] = None,
    ) -> None:
        """Run everything on this machine: PostgreSQL, api, worker and edge; or the roles that EASEL_ROLE names."""
        import asyncio

        from easel.supervisor import Supervisor

        settings = read_settings(
            data_dir=data_dir,
            api_host=api_host,
            api_port=api_port,
            edge_host=edge_host,
            edge_port=edge_port,
            edge_processes=edge_processes,
            domain=domain,
            api_url=api_url,
        )

        async def run() -> None:
            # Without a terminal it goes to a journal or a file, which others read, and which is kept.
            attended = sys.stdout.isatty()
            await Supervisor(settings, lambda line: print(f"easel: {line}", flush=True), attended=attended).run()

        asyncio.run(run())

    @app.command(rich_help_panel=panel)
    def api(data_dir: DataDir = None, api_port: ApiPort = None, domain: Domain = None) -> None:
        """Run the api alone."""
        from easel.roles import run_api

        run_api(read_settings(data_dir=data_dir, api_port=api_port, domain=domain))

    @app.command(rich_help_panel=panel)
    def worker(data_dir: DataDir = None) -> None:
        """Run a worker alone."""
        from easel.roles import run_worker

        run_worker(read_settings(data_dir=data_dir))

    @app.command(rich_help_panel=panel)
    def edge(data_dir: DataDir = None, edge_port: EdgePort = None, domain: Domain = None) -> None:
        """Run an edge alone."""
        from easel.roles import run_edge

        run_edge(read_settings(data_dir=data_dir, edge_port=edge_port, domain=domain))

    @app.command(rich_help_panel=panel)
    def migrate(data_dir: DataDir = None) -> None:
        """Bring the database to this release's schema; safe to run from several machines at once."""
        from easel.operating import migrate_database

        migrate_database(read_settings(data_dir=data_dir))
        print("The database is up to date.")

    @app.command("new-secret-key", rich_help_panel=panel)
    def new_secret_key(data_dir: DataDir = None) -> None:
        """Take this machine's secret key in the place of one that is lost: apps' secrets have to be set again."""
        from easel.operating import replace_key

        replace_key(read_settings(data_dir=data_dir))
        print("The database is used with this secret key from now on. Restart every api.")

    @app.command(rich_help_panel=panel)
    def organisation(name: Annotated[str, typer.Argument(help="What to call it.")], data_dir: DataDir = None) -> None:
        """Make another organisation, whose apps and keys are its own, and print its first API key."""
        from easel.operating import found_organisation

        print(found_organisation(read_settings(data_dir=data_dir), name))


def read_settings(**given: Any) -> Settings:
    """The settings from the environment, with those that options gave; says which variables there are none.

    Raises SettingInvalidError.
    """
    from pydantic import ValidationError

    from easel.cli.errors import SettingInvalidError
    from easel.settings import Settings, unknown_variables

    for variable, nearest in unknown_variables(os.environ).items():
        meant = f" Did you mean {nearest}?" if nearest else ""
        typer.echo(f"easel: Warning: there is no setting {variable}, so it does nothing.{meant}", err=True)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).lower()
        option = f"`--{name.replace('_', '-')}`" if given.get(name) is not None else f"EASEL_{name.upper()}"
        reason = first["msg"].removeprefix("Value error, ")
        # An address may hold a password.
        scheme, border, rest = str(first["input"]).partition("://")
        hidden = f"***@{rest.rpartition('@')[2]}" if "@" in rest else rest
        raise SettingInvalidError(setting=option, value=f"{scheme}{border}{hidden}", reason=reason) from None
