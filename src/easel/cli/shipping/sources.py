"""The project's source files as text, which a deploy may bring along so that versions can be compared line by line."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from easel.cli.shipping.errors import SourceFilesTooLargeError, SourceFilesTooManyError
from easel.cli.shipping.ignore import IgnoreRules, rules_for
from easel.cli.shipping.worktree import listed_files
from easel.cli.text import size

MAX_FILES = 2000
MAX_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """Source files by path, and the paths that are not text and were left out."""

    texts: dict[str, str]
    not_text: tuple[str, ...]


def collect_sources(root: Path, output: Path) -> SourceFiles:
    """The text files of the project at `root`, without the build's `output` folder and what is ignored.

    In a Git work tree these are the files Git tracks or would add; elsewhere .gitignore is read as a file. Either way
    .easelignore and the default exclusions hold. Raises SourceFilesTooManyError, SourceFilesTooLargeError,
    IgnoreFileError.
    """
    rules = rules_for(root, extra=(".gitignore",))
    built = output.resolve().relative_to(root.resolve()).as_posix() if _inside(output, root) else None
    texts: dict[str, str] = {}
    not_text: list[str] = []
    total = 0
    for path in _candidates(root, rules):
        if built is not None and (path + "/").startswith(built + "/"):
            continue
        text = _text(root / path)
        if text is None:
            not_text.append(path)
            continue
        texts[unicodedata.normalize("NFC", path)] = text
        total += len(text.encode())
        if len(texts) > MAX_FILES:
            raise SourceFilesTooManyError(count=f"more than {MAX_FILES:,}", limit=f"{MAX_FILES:,}")
    if total > MAX_BYTES:
        largest = max(texts, key=lambda path: len(texts[path]))
        raise SourceFilesTooLargeError(size=size(total), limit=size(MAX_BYTES), largest=largest)
    return SourceFiles(texts, tuple(not_text))


def _inside(output: Path, root: Path) -> bool:
    """Whether the build's output is a folder of its own within the project."""
    return output.resolve() != root.resolve() and output.resolve().is_relative_to(root.resolve())


def _candidates(root: Path, rules: IgnoreRules) -> Iterator[str]:
    listed = listed_files(root)
    for path in listed if listed is not None else _walk(root, rules):
        place = root / path
        # A link could lead anywhere; the file it leads to is taken where it lies, if it is part of the project.
        if not place.is_symlink() and place.is_file() and rules.reason_with_parents(path) is None:
            yield path


def _walk(root: Path, rules: IgnoreRules) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        prefix = Path(folder).relative_to(root).as_posix() + "/" if Path(folder) != root else ""
        folders[:] = sorted(name for name in folders if rules.reason(prefix + name, folder=True) is None)
        for name in sorted(names):
            yield prefix + name


def _text(file: Path) -> str | None:
    try:
        data = file.read_bytes() if file.stat().st_size <= MAX_BYTES else b"\0"
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text else text
