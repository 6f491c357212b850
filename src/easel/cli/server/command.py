"""Commands that run a part of the server. They import nothing of the API's client."""

from __future__ import annotations

from typing import Any

import click

from easel.cli.errors import ServerNotInstalledError


class ServerCommand(click.Command):
    """A command that runs a part of the server. The server's packages may be missing."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command. Raises ServerNotInstalledError if a package of the server is missing."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (error.name or "easel").split(".")[0] == "easel":
                raise
            raise ServerNotInstalledError(command=self.name) from error
