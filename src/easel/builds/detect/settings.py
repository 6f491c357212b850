"""Checks the build options, reads them from easel.toml, and combines them.

The order of precedence: the deploy's options, easel.toml in the build's root, easel.toml at the top of the sources, the
app's `build_config`. Options that are set nowhere are detected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

from easel.builds.detect.errors import BuildSettingInvalidError
from easel.builds.detect.models import BuildOptions
from easel.bundles.names import printable
from easel.bundles.root import PROJECT_SETTINGS

TABLE: Final = "build"
"""The name of the table in easel.toml that contains the build options."""
SETTINGS: Final = tuple(each.name for each in fields(BuildOptions))
_OTHER_NAMES: Final[Mapping[str, str]] = {"preset": "framework"}
"""Accepted alternatives to the name `framework` in `build_config`."""
_COMMANDS: Final = ("install", "build")
_FOLDERS: Final = ("root", "output")
_LISTS: Final = ("ignore",)
_LONGEST: Final = 1_000
_LONGEST_COMMAND: Final = 4_000
_MOST_PATTERNS: Final = 100
# A shell command, but no other option, may have several lines.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_COMMAND = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def options_of(table: Any, where: str = f"`{PROJECT_SETTINGS}`") -> BuildOptions:
    """Returns the options in a table, such as `[build]` of easel.toml. Raises BuildSettingInvalidError, whose message
    contains the table (`where`)."""
    if not isinstance(table, Mapping):
        raise BuildSettingInvalidError(setting=TABLE, where=where, reason=f"it must be a table, `[{TABLE}]`")
    named: dict[str, Any] = {_OTHER_NAMES.get(name, name): value for name, value in table.items()}
    for name, value in named.items():
        if name not in SETTINGS:
            known = ", ".join(f"`{one}`" for one in SETTINGS)
            raise BuildSettingInvalidError(
                setting=printable(str(name)), where=where, reason=f"there is no such setting. The settings are {known}"
            )
        if name in _LISTS:
            _check_list(name, value, where)
        elif not isinstance(value, str):
            raise BuildSettingInvalidError(setting=name, where=where, reason="it must be a string in quotes")
    given: dict[str, Any] = {name: tuple(value) if name in _LISTS else value for name, value in named.items()}
    return checked(BuildOptions(**given), where)


def checked(wanted: BuildOptions, where: str) -> BuildOptions:
    """Returns the options, with normalised folders. Raises BuildSettingInvalidError for an option that is invalid or
    too long."""
    for name in SETTINGS:
        value = getattr(wanted, name)
        if isinstance(value, str):
            _check_text(name, value, where)
        elif value is not None:
            _check_list(name, value, where)
    root, output = (_folder(name, getattr(wanted, name), where) for name in _FOLDERS)
    return replace(wanted, root=root, output=output)


def _check_list(name: str, value: Any, where: str) -> None:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise BuildSettingInvalidError(setting=name, where=where, reason="it must be a list of strings in quotes")
    if len(value) > _MOST_PATTERNS:
        reason = f"it has {len(value)} patterns; the limit is {_MOST_PATTERNS}"
        raise BuildSettingInvalidError(setting=name, where=where, reason=reason)
    for one in value:
        _check_text(name, one, where)


def _check_text(name: str, value: str, where: str) -> None:
    longest, control = (_LONGEST_COMMAND, _CONTROL_IN_COMMAND) if name in _COMMANDS else (_LONGEST, _CONTROL)
    if len(value) > longest:
        reason = f"it is {len(value)} characters long; the limit is {longest}"
        raise BuildSettingInvalidError(setting=name, where=where, reason=reason)
    if control.search(value):
        raise BuildSettingInvalidError(setting=name, where=where, reason="it contains a control character")


def _folder(name: str, value: str | None, where: str) -> str | None:
    if value is None:
        return None
    if value.startswith("/") or "\\" in value or ".." in value.split("/"):
        around = "the sources" if name == "root" else "the build's root"
        reason = f"`{printable(value)}` must be a folder inside {around}, such as `apps/web`, with `/` between names"
        raise BuildSettingInvalidError(setting=name, where=where, reason=reason)
    return "/".join(part for part in value.strip().split("/") if part not in ("", "."))
