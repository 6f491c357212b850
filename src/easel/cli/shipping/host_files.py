"""Finds rules files of other hosting providers. A file that they read from a project's root, and not from the output of
its build, is sent too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from easel.cli.project import Project
from easel.cli.shipping.ignore import rules_for
from easel.cli.shipping.outputs import source_of
from easel.cli.shipping.pack import FoundFile, Selection
from easel.rules.models import AZURE_JSON, FIREBASE_JSON, HEADERS, NETLIFY_TOML, REDIRECTS, VERCEL_JSON, WRANGLER

OF_PROJECTS: Final = (NETLIFY_TOML, VERCEL_JSON, FIREBASE_JSON, AZURE_JSON, *WRANGLER)
"""Rules files of other hosting providers that belong in the root of a project, not in the output of its build."""
OF_OUTPUTS: Final = (REDIRECTS, HEADERS)


@dataclass(frozen=True, slots=True)
class WithHostFiles:
    """A selection of files to pack, including the rules files of the project's root, and notes on these files."""

    selection: Selection
    notes: tuple[str, ...] = ()


def with_host_files(selection: Selection, folder: Path, root: Path, project: Project) -> WithHostFiles:
    """Adds the rules files that other hosting providers read from a project's root to the selection of files from its
    output, unless the output already has them.

    `folder` is the output, `root` the project's folder. Raises IgnoreFileError.
    """
    known = {file.path for file in selection.files} | {entry.path for entry in selection.left_out}
    if folder == root or project.rules == "off":
        return WithHostFiles(selection)
    found = {name: place for name, place in _beside(folder, root) if name not in known}
    packed = [FoundFile(name, found[name], found[name].stat().st_size) for name in OF_PROJECTS if name in found]
    files = sorted((*selection.files, *packed), key=lambda file: file.path.encode())
    notes = []
    if packed:
        named = ", ".join(f"`{file.path}`" for file in packed)
        notes.append(
            f"{named} next to the output folder is also sent, so its rules apply. To exclude it, add it to "
            f"`.easelignore`."
        )
    notes += [
        f"`{name}` is not in the output folder but next to it, so it is not sent. Move it to the folder whose files "
        f"the build copies (often public/ or static/)."
        for name in OF_OUTPUTS
        if name in found
    ]
    return WithHostFiles(replace(selection, files=tuple(files)), tuple(notes))


def _beside(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Yields the rules files (`OF_PROJECTS`) of the project: next to the configuration of the tool that wrote the
    output, or else at the root."""
    wanted = {*OF_PROJECTS, *OF_OUTPUTS}
    source = source_of(folder)
    for place in dict.fromkeys((root, *((source,) if source is not None else ()))):
        rules = rules_for(place)
        for name in wanted:
            # Links are left out, because a link could lead anywhere.
            if (place / name).is_file() and not (place / name).is_symlink() and rules.reason(name) is None:
                yield name, place / name
