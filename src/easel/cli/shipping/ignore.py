"""Determines which files of a folder belong to the app: .easelignore (gitignore syntax) after the default exclusions.

The defaults are the server's own rules for zips: files that the server leaves out or refuses are not packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from easel.bundles.root import (
    DEPENDENCIES,
    KEY_FILES,
    PRIVATE_KEY,
    PROJECT_SETTINGS,
    is_folder_icon,
    is_junk,
    secret_kind,
)
from easel.cli.shipping.errors import IgnoreFileError
from easel.cli.shipping.gitignore import GitIgnore
from easel.cli.textfile import read_text

IGNORE_FILE = ".easelignore"
BY_DEFAULT = "by default"
_READ_AT_ONCE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Layer:
    """Patterns from one file. Paths are matched relative to that file's folder. `prefix` is the path from the packed
    folder to that folder."""

    source: str
    prefix: str
    lines: GitIgnore


class IgnoreRules:
    """The rules that leave out files of one folder. They consist of layers, each with the patterns of one file. A later
    layer overrides an earlier layer, like the lines of one gitignore file."""

    def __init__(self, layers: Sequence[_Layer]) -> None:
        self._layers = layers

    def reason(self, path: str, *, folder: bool = False, place: Path | None = None) -> str | None:
        """Returns the reason why the path (relative, '/' separated) is left out: `by default`, or the file with the
        rule. Returns None if the path is packed.

        Like git, this method checks only the path itself, because a walk does not enter a folder that is left out. If
        the file at `place` may be a private key, its content is checked too.
        """
        is_out = _is_out_by_default(path, folder=folder) or (place is not None and _is_private_key(path, place))
        found = BY_DEFAULT if is_out else None
        for layer in self._layers:
            verdict = layer.lines.excludes(layer.prefix + path, folder=folder)
            if verdict is not None:
                found = layer.source if verdict else None
        return found

    def reason_with_parents(self, path: str) -> str | None:
        """Returns the reason why the file is left out, by itself or with a folder that contains it. Returns None if the
        file is packed."""
        parts = path.split("/")
        for depth in range(1, len(parts)):
            found = self.reason("/".join(parts[:depth]), folder=True)
            if found is not None:
                return found
        return self.reason(path)


def _is_out_by_default(path: str, *, folder: bool) -> bool:
    """Returns true if the server leaves the file out of every zip, or refuses it. For a folder, returns true if the
    server leaves out or refuses all its files."""
    if is_folder_icon(path):
        return True
    if not folder:
        return path == PROJECT_SETTINGS or is_junk(path) or secret_kind(path) is not None
    inside = f"{path}/"
    return inside == DEPENDENCIES or is_junk(inside) or secret_kind(f"{inside}any/any") is not None


def _is_private_key(path: str, place: Path) -> bool:
    """Returns true if the server would refuse the file, because its content is a private key."""
    if not (path.lower().endswith(KEY_FILES) and place.is_file()):
        return False
    before = b""
    try:
        with place.open("rb") as file:
            while piece := file.read(_READ_AT_ONCE):
                if PRIVATE_KEY in before + piece:
                    return True
                before = piece[1 - len(PRIVATE_KEY) :]
    except OSError:
        # Reading the file for the zip reports the error.
        return False
    return False


def rules_for(folder: Path, *, root: Path | None = None, extra: Sequence[str] = ()) -> IgnoreRules:
    """Returns the rules for a folder: the defaults, the .easelignore of the project's root above the folder, and the
    folder's own .easelignore.

    `extra` are names of further files in gitignore syntax in the folder. Raises IgnoreFileError.
    """
    layers: list[_Layer] = []
    if root is not None and root != folder and folder.is_relative_to(root):
        prefix = folder.relative_to(root).as_posix() + "/"
        layers.extend(_layer(root / IGNORE_FILE, prefix))
    for name in (*extra, IGNORE_FILE):
        layers.extend(_layer(folder / name, ""))
    return IgnoreRules(layers)


def _layer(file: Path, prefix: str) -> list[_Layer]:
    if not file.is_file():
        return []
    try:
        lines = GitIgnore(line.removesuffix("\r") for line in read_text(file).split("\n"))
    except (OSError, ValueError) as error:
        raise IgnoreFileError(file=str(file), reason=str(error)) from error
    return [_Layer(file.name, prefix, lines)]
