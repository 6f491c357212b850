"""Running a command of a build, away from all that is Easel's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

from easel.builds.errors import BuildsOffError, SandboxUnavailableError
from easel.builds.sandbox.command import Command, Ended
from easel.settings import Settings


class Sandbox:
    """Where the commands of builds run: `sandboxed`, or `unsandboxed` as the operator chose."""

    kind: Literal["sandboxed", "unsandboxed"]

    @classmethod
    def find(cls, settings: Settings) -> Self:
        """The sandbox of this machine, which was tried. Raises SandboxUnavailableError, BuildsOffError."""
        if settings.builds == "off":
            raise BuildsOffError
        raise SandboxUnavailableError(reason="this release has no sandbox yet", advice="Build on your machine.")

    async def run(
        self,
        command: Command,
        on_bytes: Callable[[bytes], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Ended:
        """Runs the command and gives its output to `on_bytes` as it comes. All its processes have ended when this
        returns or is cancelled. Raises OSError."""
        raise NotImplementedError

    def own(self, folder: Path) -> None:
        """Gives a folder and all in it to the user of builds, with the mode 0700. Raises OSError."""
        raise NotImplementedError
