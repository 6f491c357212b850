"""Which files of a folder belong to the app: .easelignore (gitignore syntax) after the default exclusions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

from easel.cli.shipping.errors import IgnoreFileError

IGNORE_FILE = ".easelignore"
BY_DEFAULT = "by default"

DEFAULT_PATTERNS = (
    ".git",
    ".hg",
    ".svn",
    "node_modules/",
    "__MACOSX/",
    ".DS_Store",
    ".localized",
    "._*",
    "Icon[\r]",
    "[Tt]humbs.db",
    "[Dd]esktop.ini",
    "$RECYCLE.BIN/",
    ".directory",
    ".env",
    ".env.*",
    ".npmrc",
    ".netrc",
    ".pypirc",
    ".htpasswd",
    ".git-credentials",
    ".aws/",
    ".ssh/",
    "*.swp",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.ppk",
    "/easel.toml",
    IGNORE_FILE,
)
"""Never part of an app unless .easelignore takes them back in with `!`: repositories, dependencies, secrets, junk."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """Patterns from one place. Paths are asked relative to that place: `prefix` leads there from the folder."""

    source: str
    prefix: str
    spec: GitIgnoreSpec


class IgnoreRules:
    """The rules for one folder, later layers winning over earlier ones, as within one gitignore file."""

    def __init__(self, layers: Sequence[_Layer]) -> None:
        self._layers = layers

    def reason(self, path: str, *, folder: bool = False) -> str | None:
        """Why the path (relative, '/' separated) is left out: `by default` or the file that says so; None if it stays.

        Like git, it judges the path alone; a walk does not enter a folder that is left out.
        """
        found: str | None = None
        for layer in self._layers:
            verdict = layer.spec.check_file(layer.prefix + path + ("/" if folder else "")).include
            if verdict is not None:
                found = layer.source if verdict else None
        return found

    def reason_with_parents(self, path: str) -> str | None:
        """Why the file is left out, by itself or with a folder that it lies in."""
        parts = path.split("/")
        for depth in range(1, len(parts)):
            found = self.reason("/".join(parts[:depth]), folder=True)
            if found is not None:
                return found
        return self.reason(path)


def rules_for(folder: Path, *, root: Path | None = None, extra: Sequence[str] = ()) -> IgnoreRules:
    """The rules for a folder: the defaults, the .easelignore of the project's root above it, and the folder's own.

    `extra` are names of more files in gitignore syntax to read in the folder. Raises IgnoreFileError.
    """
    layers = [_Layer(BY_DEFAULT, "", GitIgnoreSpec.from_lines(DEFAULT_PATTERNS))]
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
        spec = GitIgnoreSpec.from_lines(file.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, GitIgnorePatternError) as error:
        raise IgnoreFileError(file=str(file), reason=str(error)) from error
    return [_Layer(file.name, prefix, spec)]
