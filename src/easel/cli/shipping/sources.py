"""The project's source files as text, which a deploy can include so that versions can be compared line by line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from easel.bundles.names import check_path
from easel.cli.shipping.ignore import IgnoreRules, rules_for
from easel.cli.shipping.worktree import listed_files
from easel.cli.textfile import read_text
from easel.errors import EaselError

MAX_FILES = 2000
MAX_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """Source files by path, the paths of files that are left out because they are not text, and the paths of files
    beyond the limits."""

    texts: dict[str, str]
    not_text: tuple[str, ...]
    too_much: tuple[str, ...] = ()


def collect_sources(root: Path, output: Path) -> SourceFiles:
    """Returns the text files of the project at `root`, without the build's `output` folder and ignored files.

    In a Git work tree, these are the files that Git tracks or would add. Elsewhere, .gitignore is read as a file. In
    both cases, .easelignore and the default exclusions apply. If there are more files than a deploy may contain, the
    smallest files are returned. Raises IgnoreFileError.
    """
    rules = rules_for(root, extra=(".gitignore",))
    built = output.resolve().relative_to(root.resolve()).as_posix() if _inside(output, root) else None
    found = (path for path in _candidates(root, rules) if built is None or not (path + "/").startswith(built + "/"))
    by_size = sorted(((root / path).stat().st_size, path) for path in found)
    texts: dict[str, str] = {}
    not_text: list[str] = []
    too_much: list[str] = []
    total = 0
    for size, path in by_size:
        if size > MAX_BYTES:
            not_text.append(path)
            continue
        if size > MAX_BYTES - total or len(texts) >= MAX_FILES:
            too_much.append(path)
            continue
        text, name = _text(root / path), _name(path)
        if text is None or name is None or name in texts:
            not_text.append(path)
        elif (length := len(text.encode())) > MAX_BYTES - total:
            too_much.append(path)
        else:
            texts[name] = text
            total += length
    return SourceFiles(dict(sorted(texts.items())), tuple(sorted(not_text)), tuple(too_much))


def _name(path: str) -> str | None:
    """Returns the path as the server stores it. Returns None for a path that the server refuses."""
    try:
        return check_path(path)
    except EaselError:
        return None


def _inside(output: Path, root: Path) -> bool:
    """Returns true if the build's output is a separate folder in the project."""
    return output.resolve() != root.resolve() and output.resolve().is_relative_to(root.resolve())


def _candidates(root: Path, rules: IgnoreRules) -> Iterator[str]:
    for path in candidates(root, lambda folder: rules.reason(folder.rstrip("/"), folder=True) is None):
        # A link could lead anywhere. If its target is part of the project, the target is included under its own path.
        if not (root / path).is_symlink() and rules.reason_with_parents(path) is None:
            yield path


def candidates(root: Path, enters: Callable[[str], bool]) -> Iterator[str]:
    """Yields the files that Git tracks or would add. Outside a work tree, yields all files in folders for which
    `enters` is true. A folder's path ends with '/'."""
    listed = listed_files(root)
    for path in listed if listed is not None else _walk(root, enters):
        if _is_file(root / path):
            yield path


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except (OSError, ValueError):
        return False


def _walk(root: Path, enters: Callable[[str], bool]) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        prefix = Path(folder).relative_to(root).as_posix() + "/" if Path(folder) != root else ""
        folders[:] = sorted(name for name in folders if enters(f"{prefix}{name}/"))
        for name in sorted(names):
            yield prefix + name


def _text(file: Path) -> str | None:
    try:
        text = read_text(file)
    except (OSError, ValueError):
        return None
    return None if "\0" in text else text
