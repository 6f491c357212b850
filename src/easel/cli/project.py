"""easel.toml: the small file next to the code with the name of the app and the folder to deploy."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from easel.builds.detect.errors import BuildSettingInvalidError
from easel.builds.detect.models import BuildOptions
from easel.builds.detect.settings import TABLE, options_of
from easel.cli.errors import ProjectFileError
from easel.cli.textfile import read_text
from easel.environments.names import NAMES
from easel.rules.models import CHOICES, NotFound, Pages

FILE_NAME = "easel.toml"

_NOT_IN_SLUGS = re.compile(r"[^a-z0-9]+")
_OF_BUNDLES: Final[Mapping[str, tuple[str, ...]]] = {
    "rules": CHOICES,
    "html_handling": tuple(filter(None, get_args(Pages))),
    "not_found_handling": tuple(filter(None, get_args(NotFound))),
}
"""The settings in easel.toml for reading a deploy's bundle, with the allowed values of each."""
_ALLOW: Final = "allow"
_ALLOWED: Final = ("secrets", "dependencies", "guards")
_KNOWN: Final = ("app", "folder", "env", "server", *_OF_BUNDLES, _ALLOW, TABLE)


@dataclass(frozen=True, slots=True)
class Project:
    """The content of easel.toml. `root` is the folder of the file, or the working directory if there is no file."""

    root: Path
    file: Path | None = None
    app: str | None = None
    folder: str | None = None
    env: str | None = None
    server: str | None = None
    rules: str | None = None
    html_handling: str | None = None
    not_found_handling: str | None = None
    allow: tuple[str, ...] = ()
    build: BuildOptions | None = None

    @property
    def build_config(self) -> dict[str, Any]:
        """Returns the settings in easel.toml that determine how a server reads a deploy's bundle, as the API's
        `build_config`. Settings that are not set are left out."""
        said: dict[str, Any] = {name: getattr(self, name) for name in _OF_BUNDLES if getattr(self, name) is not None}
        return said | ({_ALLOW: list(self.allow)} if self.allow else {})


def find_project(start: Path) -> Project:
    """Returns the project around `start`, from the nearest easel.toml in this folder or a parent folder. Raises
    ProjectFileError for an invalid file."""
    for folder in (start, *start.parents):
        file = folder / FILE_NAME
        # A parent folder may be unreadable to this user.
        if os.path.isfile(file):
            return _read(file)
    return Project(root=start)


def _read(file: Path) -> Project:
    try:
        data = tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        # Most of these files have a value without quotes.
        raise ProjectFileError(
            file=str(file), reason=f'it cannot be read: {error}. Write each setting in a line such as `app = "shop"`.'
        ) from error
    except (OSError, ValueError) as error:
        raise ProjectFileError(
            file=str(file), reason=f"it cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    for name, value in data.items():
        if name not in _KNOWN:
            raise ProjectFileError(
                file=str(file), reason=f"there is no setting `{name}`. The settings are {', '.join(_KNOWN)}."
            )
        if name == _ALLOW:
            if not isinstance(value, list) or any(one not in _ALLOWED for one in map(str, value)):
                raise ProjectFileError(file=str(file), reason=f"`allow` must be a list of {_quoted(_ALLOWED)}.")
            data[name] = tuple(value)
        elif name == TABLE:
            data[name] = _wanted(value, file)
        elif not isinstance(value, str) or not value.strip():
            raise ProjectFileError(file=str(file), reason=f"`{name}` must be a string in quotes.")
    if data.get("env") not in (None, *NAMES):
        raise ProjectFileError(file=str(file), reason="`env` must be `production` or `staging`.")
    for name, choices in _OF_BUNDLES.items():
        if data.get(name) not in (None, *choices):
            raise ProjectFileError(file=str(file), reason=f"`{name}` must be one of {_quoted(choices)}.")
    return Project(root=file.parent, file=file, **data)


def _wanted(table: Any, file: Path) -> BuildOptions:
    try:
        return options_of(table)
    except BuildSettingInvalidError as error:
        raise ProjectFileError(file=str(file), reason=error.message) from error


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def write_project(
    root: Path,
    *,
    app: str,
    folder: str | None,
    env: str | None = None,
    server: str | None = None,
    build: Mapping[str, str | None] | None = None,
) -> Path:
    """Writes a new easel.toml into `root`, with `build` as its table, and returns its path. Raises ProjectFileError."""
    file = root / FILE_NAME
    lines = _lines({"app": app, "folder": folder, "env": env, "server": server})
    if of_build := _lines(build or {}):
        lines += ["", f"[{TABLE}]", *of_build]
    try:
        with file.open("x", encoding="utf-8") as target:
            target.write("\n".join(lines) + "\n")
    except OSError as error:
        raise ProjectFileError(file=str(file), reason=f"it cannot be written: {error.strerror}.") from error
    return file


def _lines(settings: Mapping[str, str | None]) -> list[str]:
    return [
        f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items() if value is not None
    ]


def slug_from(name: str) -> str | None:
    """Returns a slug from the name of a folder or from a title. Returns None if too few valid characters remain for a
    slug."""
    slug = _NOT_IN_SLUGS.sub("-", name.lower()).strip("-")[:60].rstrip("-")
    return slug if len(slug) >= 3 else None
