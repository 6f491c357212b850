"""The `easel` command, put together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from easel import __version__
from easel.cli import apps, deploy, deploys, environments, exit_codes, keys, limits, login, versions
from easel.cli.exit_codes import ExitCode


def build() -> typer.Typer:
    """The whole command with everything it can do."""
    app = typer.Typer(
        name="easel",
        help="Deploy web apps: every deploy is an immutable version, live at its own address.",
        epilog=exit_codes.epilog(),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for module in (deploy, deploys, versions, environments, apps, login, keys, limits):
        module.register(app)
    # The commands that run a server bring nothing heavy along until one of them is called.
    from easel.cli import backup, serve, verify

    serve.register(app)
    backup.register(app)
    verify.register(app)
    return app


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"easel {__version__}")
        raise typer.Exit()


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """Options of `easel` itself."""


def main() -> None:
    """Runs the command line and ends the process with an exit code of `exit_codes`."""
    try:
        build()()
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))
    except Exception as error:
        sys.exit(int(_tell(error)))


def _tell(error: Exception) -> ExitCode:
    """Tells what no command told itself. Whoever runs a server needs to see where an unknown error comes from."""
    from easel.cli.errors import exit_code_of
    from easel.cli.output import Output
    from easel.errors import EaselError

    if not isinstance(error, EaselError):
        raise error
    code = exit_code_of(error)
    Output(as_json=False).fail(error, code)
    return code


if __name__ == "__main__":
    main()
