"""Assembles the `easel` command: a table of commands, each imported when it is called."""

from __future__ import annotations

import difflib
import importlib
import io
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import click

from easel import __version__
from easel.cli import exit_codes
from easel.cli.exit_codes import ExitCode


class Entry(NamedTuple):
    """A command: its location (`module:name`, below `easel.cli`), and its summary."""

    place: str
    summary: str


COMMANDS: Final[Mapping[str, Mapping[str, Entry]]] = {
    "Deploys": {
        "deploy": Entry(
            "commands.deploy:deploy", "Deploy a built app: zip it, upload it, follow the deploy, print the address."
        ),
        "check": Entry(
            "commands.check:check",
            "Show how a deploy would end, without a server: refusals, the effect of each line of rules, and "
            "immutable files.",
        ),
        "status": Entry(
            "commands.deploys:status",
            "Show the live version of each environment, and the status of a deploy.",
        ),
        "logs": Entry(
            "commands.deploys:logs",
            "Print a deploy's log.",
        ),
        "deploys": Entry("commands.deploys:list_deploys", "List an app's deploys, newest first."),
        "cancel": Entry(
            "commands.deploys:cancel",
            "Cancel a deploy that is queued or building.",
        ),
        "build-cache": Entry(
            "commands.build_cache:group", "Clear the cached dependencies and files that an app's builds reuse."
        ),
    },
    "Versions": {
        "versions": Entry(
            "commands.versions:list_versions",
            "List an app's versions, newest first, with the environments that serve them.",
        ),
        "diff": Entry(
            "commands.versions:diff",
            "Show the differences between two versions by file, and by line if both versions include their sources.",
        ),
        "download": Entry("commands.versions:download", "Download a version's zip, exactly as it was uploaded."),
        "restore": Entry("commands.versions:restore", "Make a version live on an environment, at once."),
    },
    "Environments": {
        "promote": Entry("commands.environments:promote", "Make the version that staging serves live on production."),
        "publish": Entry("commands.environments:publish", "Make an app's draft configuration live, as a new version."),
        "rollback": Entry("commands.environments:rollback", "Make the previously published configuration live again."),
        "lock": Entry("commands.environments:lock", "Lock an environment, so that its live version does not change."),
        "unlock": Entry(
            "commands.environments:unlock", "Unlock an environment, so that its live version can change again."
        ),
    },
    "Apps": {
        "apps": Entry("commands.apps:group", "List, create, show, change and delete apps."),
        "git": Entry("commands.git:group", "Connect an app to a branch of a Git repository."),
        "open": Entry("commands.apps:open_app", "Print the address of an environment or a version."),
    },
    "Access": {
        "login": Entry("commands.login:login", "Check an API key with a server, and save it."),
        "logout": Entry("commands.login:logout", "Delete the saved API key of a server."),
        "keys": Entry("commands.keys:group", "List, create and revoke API keys."),
        "limits": Entry(
            "commands.limits:limits", "Show the organisation's limits, and how much of each limit is used."
        ),
    },
    "Running Easel": {
        "serve": Entry(
            "server.serve:serve",
            "Run everything on this machine: PostgreSQL, api, worker, builder and edge.",
        ),
        "api": Entry("server.serve:api", "Run only an api on this machine."),
        "worker": Entry("server.serve:worker", "Run only a worker on this machine."),
        "builder": Entry("server.serve:builder", "Run only a builder on this machine."),
        "edge": Entry("server.serve:edge", "Run only an edge on this machine."),
        "migrate": Entry("server.serve:migrate", "Upgrade the database to the schema of this release."),
        "new-secret-key": Entry(
            "server.serve:new_secret_key",
            "Replace a lost secret key with the key of this machine.",
        ),
        "organisation": Entry(
            "server.serve:organisation",
            "Create another organisation, with its own apps and keys, and print its first API key.",
        ),
        "backup": Entry(
            "server.backup:backup", "Write a backup of everything to a folder or bucket, while Easel runs."
        ),
        "restore-backup": Entry(
            "server.backup:restore_backup",
            "Restore a backup into an empty data folder (or database and bucket), while Easel is not running there.",
        ),
        "export": Entry(
            "server.backup:export",
            "Write everything to a folder or bucket, so that `easel import` can read it on another machine.",
        ),
        "import": Entry(
            "server.backup:import_",
            "Read the result of `easel export` into the empty database and object store in EASEL_DATABASE_URL and "
            "EASEL_OBJECTS_URL.",
        ),
        "verify": Entry(
            "server.verify:verify",
            "Read every object that the database refers to, while Easel runs, and list missing and damaged objects.",
        ),
    },
}
"""The commands by panel of `easel --help`, in the order of the help. A test compares the summaries with the commands'
docstrings."""

_PLACES: Final = {name: entry.place for panel in COMMANDS.values() for name, entry in panel.items()}


class Program(click.Group):
    """The program `easel`. It lists its commands from the table, and imports only the called command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of all commands of `easel`."""
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports and returns a command. Returns None for an unknown name."""
        if cmd_name not in _PLACES:
            return None
        module, _, name = _PLACES[cmd_name].partition(":")
        command: Any = getattr(importlib.import_module(f"easel.cli.{module}"), name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Returns the command. For an unknown name, suggests similar commands."""
        if args and args[0] not in _PLACES and not args[0].startswith("-"):
            near = _near(args[0])
            ctx.fail(f"No such command {args[0]!r}.{f' Did you mean {near}?' if near else ''}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table of commands, without importing any command."""
        for panel, commands in COMMANDS.items():
            with formatter.section(panel):
                formatter.write_dl([(name, entry.summary) for name, entry in commands.items()])


_MEANT: Final[Mapping[str, str]] = {
    "ps": "status",
    "list": "apps list",
    "ls": "apps list",
    "create": "apps create",
    "delete": "apps delete",
    "remove": "apps delete",
    "rm": "apps delete",
    "show": "apps show",
    "update": "apps update",
    "app": "apps",
    "key": "keys",
    "push": "deploy",
    "up": "deploy",
    "log": "logs",
    "tail": "logs -f",
    "history": "versions",
    "revert": "restore",
    "undo": "restore",
    "start": "serve",
    "run": "serve",
    "connect": "git connect",
    "link": "git connect",
    "repo": "git status",
    "whoami": "limits",
    "server": "serve",
    "help": "--help",
    "version": "--version",
}
"""Names of commands in similar programs, and the commands of Easel that users mean by them."""


def _near(name: str) -> str:
    meant = [_MEANT[name.lower()]] if name.lower() in _MEANT else difflib.get_close_matches(name.lower(), _PLACES, 3)
    return " or ".join(f"`easel {command}`" for command in meant)


@click.command(
    "easel",
    cls=Program,
    epilog=exit_codes.epilog(),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 120},
)
@click.version_option(__version__, message="easel %(version)s", help="Print the version.")
def program() -> None:
    """Deploy web apps: every deploy is an immutable version, live at its own address."""


def main() -> None:
    """Runs the command line and ends the process with an exit code of `exit_codes`."""
    _print_anything()
    try:
        sys.exit(program.main(prog_name="easel", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(int(ExitCode.INTERRUPTED))
    except Exception as error:
        sys.exit(int(_tell(error)))


def _print_anything() -> None:
    """Makes the streams escape characters that their encoding lacks, because texts may contain any character, and a
    pipe may be cp1252."""
    for stream in (sys.stdout, sys.stderr):
        # A closed stream is None.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _tell(error: Exception) -> ExitCode:
    """Reports an error that no command has reported, and returns its exit code. An unknown error is raised again, so
    that an operator sees its traceback."""
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
