"""The settings for building an app from its source, shared by apps and single deploys. All settings are additions to
the contract."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from easel.bundles.names import check_path
from easel.errors import EaselError
from easel.schemas import Part

_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
_HOST = r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_PACKAGE_MANAGER = r"^(npm|pnpm|yarn|bun)(@[0-9A-Za-z.+-]{1,60})?$"
_RANGE = r"^[0-9A-Za-z.*^~<>=|+ -]*$"

NAMES: Final = ("root", "preset", "install", "build", "output", "node", "package_manager", "ignore", "build_hosts")
"""The names of the fields of `BuildSettings`."""


def _folder(path: str) -> str:
    """Returns the folder with '/' only between its parts. `.` is the source's root. Raises PydanticCustomError."""
    plain = path.replace("\\", "/").removeprefix("./").rstrip("/")
    if path.startswith("/"):
        raise PydanticCustomError("folder_invalid", "write the folder relative to the sources, without a leading /")
    if plain in ("", "."):
        return "."
    try:
        return check_path(plain)
    except EaselError as error:
        raise PydanticCustomError("folder_invalid", "{reason}", {"reason": error.message}) from error


Folder = Annotated[str, StringConstraints(max_length=1_000, pattern=_ONE_LINE), AfterValidator(_folder)]
Command = Annotated[str, StringConstraints(max_length=4_000, pattern=_LINES)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_ONE_LINE)]
Host = Annotated[str, StringConstraints(max_length=253, to_lower=True, pattern=_HOST)]


class BuildSettings(Part):
    """Settings that replace Easel's detection. Null leaves the value to the detection."""

    root: Folder | None = Field(
        default=None, description="Easel extension: the folder of the project within the sources"
    )
    preset: Annotated[str, StringConstraints(max_length=60, pattern=r"^[a-z0-9-]*$")] | None = Field(
        default=None, description="Easel extension: the framework, by its name in Easel's list of frameworks"
    )
    install: Command | None = Field(default=None, description="Easel extension: the command that installs dependencies")
    build: Command | None = Field(default=None, description="Easel extension: the command that builds")
    output: Folder | None = Field(default=None, description="Easel extension: the folder that the build writes")
    node: Annotated[str, StringConstraints(max_length=100, pattern=_RANGE)] | None = Field(
        default=None, description="Easel extension: the version of Node, or a range of versions"
    )
    package_manager: Annotated[str, StringConstraints(max_length=70, pattern=_PACKAGE_MANAGER)] | None = Field(
        default=None, description="Easel extension: npm, pnpm, yarn or bun, optionally with `@version`"
    )
    ignore: list[Pattern] | None = Field(
        default=None, max_length=100, description="Easel extension: a push that only changes these files is not built"
    )
    build_hosts: list[Host] | None = Field(
        default=None,
        max_length=50,
        description="Easel extension: additional hosts that a build may reach (`*.example.com` for all subdomains)",
    )


SandboxKind = Literal["sandboxed", "unsandboxed"]
