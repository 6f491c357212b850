"""How a function becomes a command: it gets a Session, the options every command has, and one place for errors."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from easel.cli.exit_codes import ExitCode
from easel.cli.session import Flags, Session

if TYPE_CHECKING:
    from easel.errors import EaselError

AppOption = Annotated[
    str | None,
    typer.Option("--app", "-a", envvar="EASEL_APP", metavar="SLUG|ID", help="The app; easel.toml names it otherwise."),
]
EnvOption = Annotated[
    str | None, typer.Option("--env", "-e", metavar="production|staging", help="The environment.", show_default=False)
]

_PANEL = "Connection and output"
_SHARED = {
    "server": Annotated[
        str | None,
        typer.Option(
            "--server", envvar="EASEL_SERVER", metavar="URL", help="The API's address.", rich_help_panel=_PANEL
        ),
    ],
    "key": Annotated[
        str | None,
        typer.Option(
            "--key",
            envvar="EASEL_API_KEY",
            metavar="sk_…",
            help="The API key; better in the environment than here.",
            show_envvar=True,
            rich_help_panel=_PANEL,
        ),
    ],
    "data_dir": Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Data folder of a local server.", rich_help_panel=_PANEL),
    ],
    "as_json": Annotated[
        bool,
        typer.Option("--json", help="Print one JSON document and nothing else on stdout.", rich_help_panel=_PANEL),
    ],
}


def client_command(
    app: typer.Typer, name: str, **settings: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function, whose first parameter is a Session, as the command `name`, and leaves it as it is.

    Errors end the command in one place: a sentence on stderr (and the envelope on stdout with --json), and the exit
    code that tells them.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function).parameters.values())[1:]
        hints = get_type_hints(function, include_extras=True)

        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            flags = Flags(**{shared: arguments.pop(shared) for shared in _SHARED})
            carry_out(Session(flags), lambda session: function(session, **arguments))

        kept = [parameter.replace(annotation=hints[parameter.name]) for parameter in own]
        shared = [
            inspect.Parameter(
                option,
                inspect.Parameter.KEYWORD_ONLY,
                default=False if option == "as_json" else None,
                annotation=annotation,
            )
            for option, annotation in _SHARED.items()
        ]
        del run.__wrapped__  # it would lead the reader of the signature past this one
        run.__signature__ = inspect.Signature([*kept, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *shared)}
        app.command(name, **settings)(run)
        return function

    return register


def carry_out(session: Session, action: Callable[[Session], None]) -> None:
    """Runs a command's action and ends with the exit code of what went wrong. Raises typer.Exit."""
    from pydantic import ValidationError

    from easel.cli.errors import InputInvalidError, InterruptedByUserError, UnexpectedError
    from easel.errors import EaselError

    try:
        action(session)
    except EaselError as error:
        _end(session, error)
    except (KeyboardInterrupt, typer.Abort):
        _end(session, InterruptedByUserError(what="Interrupted."))
    except ValidationError as error:
        first = error.errors()[0]
        _end(session, InputInvalidError(field=".".join(str(part) for part in first["loc"]), reason=first["msg"]))
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as error:
        if os.environ.get("EASEL_TRACEBACK"):
            raise
        _end(session, UnexpectedError(reason=f"{type(error).__name__}: {error}"))
    finally:
        session.close()


def _end(session: Session, error: EaselError) -> None:
    from easel.cli.errors import exit_code_of

    code: ExitCode = exit_code_of(error)
    session.output.fail(error, code, _advice(session, error))
    raise typer.Exit(int(code))


def _advice(session: Session, error: EaselError) -> str | None:
    """What to do about an error that the API answered, where its own message cannot know the command line."""
    from easel.access.errors import AuthenticationRequiredError, InvalidApiKeyError
    from easel.apps.errors import NothingToRollBackError
    from easel.cli.errors import ApiError
    from easel.deploys.errors import DeployNotFoundError
    from easel.environments.errors import EnvironmentLockedError, NothingToPromoteError
    from easel.versions.errors import VersionNotFoundError

    if not isinstance(error, ApiError):
        return None
    commands: dict[str | None, tuple[str, str]] = {
        VersionNotFoundError.code: ("versions", "lists them."),
        DeployNotFoundError.code: ("deploys", "lists them."),
        EnvironmentLockedError.code: ("status", "says why; `easel unlock` lets it move again."),
        NothingToPromoteError.code: ("deploy --env staging -m …", "brings something there."),
        NothingToRollBackError.code: (
            "restore N --with-config",
            "brings an earlier version with its configuration back.",
        ),
    }
    code = error.answer.code or ""
    if code in commands:
        command, does = commands[code]
        return f"{session.again(command)} {does}"
    if code in (InvalidApiKeyError.code, AuthenticationRequiredError.code):
        return "`easel login` keeps another one for this server."
    return None
