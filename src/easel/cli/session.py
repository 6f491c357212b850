"""One run of a command: the server, the project around the working directory, and the output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from easel.cli.answers import App
from easel.cli.client import Client
from easel.cli.credentials import ServerAccess, ServerChoice, find_access
from easel.cli.errors import NoAppGivenError, NoSuchAppError, WorkingFolderGoneError
from easel.cli.output import Output
from easel.cli.project import Project, find_project


@dataclass(frozen=True, slots=True)
class Flags:
    """The values of the options that every command has, as the user gave them."""

    server: str | None = None
    key: str | None = None
    data_dir: Path | None = None
    as_json: bool = False


class Session:
    """The server, the project and the output that one run of a command works with."""

    def __init__(self, flags: Flags) -> None:
        self.flags = flags
        try:
            self.working = Path.cwd()
        except OSError as error:
            raise WorkingFolderGoneError(reason=error.strerror) from error
        self.named_app: str | None = None
        """The app given on the command line, if easel.toml does not contain it."""

    @cached_property
    def output(self) -> Output:
        """Returns the object through which the command prints its output."""
        return Output(as_json=self.flags.as_json)

    @cached_property
    def project(self) -> Project:
        """Returns the project around the working directory. Raises ProjectFileError."""
        return find_project(self.working)

    @property
    def wanted(self) -> ServerChoice:
        """Returns the requested server and key, from options and easel.toml."""
        return ServerChoice(
            server=self.flags.server,
            key=self.flags.key,
            data_dir=self.flags.data_dir,
            project_server=self.project.server,
        )

    @cached_property
    def client(self) -> Client:
        """Returns the connection to the server. Raises NotSignedInError and the other errors of `find_access`."""
        return Client(self.access)

    @cached_property
    def access(self) -> ServerAccess:
        """Returns the server and the key of this run. Raises NotSignedInError and the other errors of `find_access`."""
        return find_access(self.wanted)

    @property
    def key_origin(self) -> str | None:
        """Returns the place from which the key of this run comes, for messages. Returns None before the key is used,
        as in `easel login`."""
        return self.access.origin if "access" in self.__dict__ else None

    def app_name(self, given: str | None) -> str:
        """Returns the app's slug or id: the given app, else the app in easel.toml. Raises NoAppGivenError."""
        name = given or self.project.app
        if not name:
            raise NoAppGivenError()
        self.named_app = None if name == self.project.app else name
        return name

    def again(self, command: str) -> str:
        """Returns a command to suggest, with those options of this run that easel.toml does not contain."""
        named = self.named_app
        return f"`easel {command}`" if named is None else f"`easel {command} --app {named}`"

    def app(self, given: str | None) -> App:
        """Returns the app to work on. Raises NoAppGivenError, NoSuchAppError and the API's errors."""
        name = self.app_name(given)
        app = self.client.find_app(name)
        if app is None:
            raise NoSuchAppError(app=name, server=self.client.server)
        return app

    def close(self) -> None:
        """Closes the connection to the server, if it was opened."""
        if "client" in self.__dict__:
            self.client.__exit__()
