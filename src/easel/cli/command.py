"""Turns functions into commands. Each command gets a Session and the shared options, and all errors are reported in one
place."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from easel.access.errors import AuthenticationRequiredError, InvalidApiKeyError
from easel.apps.errors import NothingToRollBackError
from easel.cli.credentials import KEY_VARIABLE
from easel.cli.errors import (
    ApiError,
    InterruptedByUserError,
    OutputUnwritableError,
    PathUnusableError,
    UnexpectedError,
    exit_code_of,
)
from easel.cli.session import Flags, Session
from easel.deploys.errors import DeployNotFoundError
from easel.environments.errors import EnvironmentLockedError, NothingToPromoteError
from easel.environments.names import NAMES
from easel.errors import EaselError
from easel.versions.errors import VersionNotFoundError

app_option = click.option(
    "--app", "-a", envvar="EASEL_APP", metavar="SLUG|ID", help="The app. [default: $EASEL_APP, or from easel.toml]"
)
env_option = click.option(
    "--env", "-e", metavar="|".join(NAMES), help="The environment. [default: from easel.toml, or production]"
)


class SharedOption(click.Option):
    """An option that every command has. Its help is separate from the command's own options."""


_SHARED: Final = (
    SharedOption(["--server"], envvar="EASEL_SERVER", metavar="URL", help="The address of the API.", show_envvar=True),
    SharedOption(
        ["--key"],
        envvar=KEY_VARIABLE,
        metavar="sk_…",
        help="The API key. Setting EASEL_API_KEY is safer.",
        show_envvar=True,
    ),
    SharedOption(
        ["--data-dir"],
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Data folder of a local server. [default: $EASEL_DATA_DIR]",
    ),
    SharedOption(["--json", "as_json"], is_flag=True, help="Print only one JSON document to stdout."),
)


class Command(click.Command):
    """A command whose help shows the shared options under a separate heading."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the command's own options into the help, then the shared options."""
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        for heading, apart in (("Options", False), ("Connection and output", True)):
            of_these = [option for option in options if isinstance(option, SharedOption) is apart]
            records = [record for option in of_these if (record := option.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class Group(click.Group):
    """A group of commands. Its help lists the commands in the order in which they were added, with whole sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of the group's commands, in the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the name and purpose of each command of the group into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(command)) for name, command in self.commands.items()])


def summary(command: click.Command) -> str:
    """Returns the purpose of a command, which is the first sentence of its help."""
    paragraph = " ".join((command.help or "").split("\n\n")[0].split())
    return paragraph.split(". ")[0].removesuffix(".") + "."


def client_command(name: str, *, group: click.Group | None = None) -> Callable[[Callable[..., None]], Command]:
    """Returns a decorator that turns a function whose first parameter is a Session into the command `name`. If a group
    is given, the command is added to that group.

    All errors end the command in the same way: the command prints a sentence on stderr (with --json, also the API's
    JSON error on stdout), and exits with the error's exit code.
    """

    def make(function: Callable[..., None]) -> Command:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            flags = Flags(**{option.name: arguments.pop(option.name) for option in _SHARED if option.name})
            carry_out(Session(flags), lambda session: function(session, **arguments))

        command = click.command(name, cls=Command)(run)
        command.params.extend(_SHARED)
        if group is not None:
            group.add_command(command)
        return command

    return make


def carry_out(session: Session, action: Callable[[Session], None]) -> None:
    """Runs a command's action, and exits with the code of its error. Raises click's Exit."""
    try:
        action(session)
    except EaselError as error:
        _end(session, error)
    except (KeyboardInterrupt, click.Abort):
        _end(session, InterruptedByUserError(what="Interrupted."))
    except (click.exceptions.Exit, BrokenPipeError, ModuleNotFoundError):
        raise
    except Exception as error:
        if os.environ.get("EASEL_TRACEBACK"):
            raise
        if isinstance(error, OSError) and error.strerror and isinstance(error.filename, str):
            _end(session, PathUnusableError(path=error.filename, reason=error.strerror))
        _end(session, UnexpectedError(reason=f"{type(error).__name__}: {error}"))
    finally:
        session.close()


def _end(session: Session, error: EaselError) -> None:
    code = exit_code_of(error)
    with suppress(OutputUnwritableError):
        session.output.fail(error, code, _advice(session, error))
    raise click.exceptions.Exit(int(code))


_ADVICE: Final[Mapping[str | None, tuple[str, str]]] = {
    VersionNotFoundError.code: ("versions", "lists the existing versions."),
    DeployNotFoundError.code: ("deploys", "lists the existing deploys."),
    EnvironmentLockedError.code: ("status", "shows the reason. `easel unlock` unlocks the environment."),
    NothingToPromoteError.code: ("deploy --env staging -m …", "deploys to staging."),
    NothingToRollBackError.code: (
        "restore N --with-config",
        "restores an earlier version with its configuration.",
    ),
}


def _advice(session: Session, error: EaselError) -> str | None:
    """Returns advice on an error of the API, because the API's own message cannot refer to the command line."""
    if not isinstance(error, ApiError):
        return None
    code = error.answer.code
    if code in _ADVICE:
        command, does = _ADVICE[code]
        return f"{session.again(command)} {does}"
    if code in (InvalidApiKeyError.code, AuthenticationRequiredError.code):
        if (origin := session.key_origin) is None:
            return "Enter another key with `easel login`."
        if session.flags.key:
            return f"The key comes from {origin}. Set a valid key there, or leave it out and run `easel login`."
        return f"The key comes from {origin}. Enter another key with `easel login`."
    return None
