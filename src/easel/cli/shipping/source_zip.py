"""Selects the sources of a project for a build by Easel: their folder, and the files."""

from __future__ import annotations

import stat
import unicodedata
from pathlib import Path

from easel.bundles.root import DEPENDENCIES, PROJECT_SETTINGS, is_junk
from easel.bundles.write import FoundFile
from easel.cli.project import Project
from easel.cli.shipping.errors import FileUnreadableError, FolderMissingError, SourceMissingError
from easel.cli.shipping.ignore import BY_DEFAULT, IgnoreRules, rules_for
from easel.cli.shipping.npmrc import holds_no_credential
from easel.cli.shipping.pack import ExcludedFile, Selection
from easel.cli.shipping.sources import candidates
from easel.cli.shipping.target import Target
from easel.cli.shipping.worktree import tracked_files

_REPOSITORIES = frozenset({".git", ".hg", ".svn"})


def source_target(given: Path | None, project: Project, working: Path) -> Target:
    """Returns the folder or zip of sources: the given path, else the folder in easel.toml, else the working directory.
    Raises FolderMissingError."""
    path = project.root if given is None else working / given
    if not path.exists():
        raise FolderMissingError(path=str(given), hint="")
    return Target(path, is_source=True)


def select_sources(folder: Path) -> Selection:
    """Returns the files of a project that its build needs: the files that Git tracks or would add, or, without Git, all
    files that .gitignore does not match.

    `.easelignore` and the default exclusions apply, with two exceptions: files that Git tracks, because a deploy from
    Git would contain them, and an `.npmrc` without credentials. Links, repositories and `node_modules/` are left out.

    Raises IgnoreFileError, FileUnreadableError, SourceMissingError.
    """
    rules = rules_for(folder, extra=(".gitignore",))
    tracked = tracked_files(folder)
    files, left_out = [], []
    for path in candidates(folder, lambda name: _reason(rules, name, tracked) is None):
        place = folder / path
        reason = "because it is a symbolic link" if place.is_symlink() else _reason(rules, path, tracked)
        if reason == BY_DEFAULT and holds_no_credential(place):
            reason = None
        if reason is not None:
            left_out.append(ExcludedFile(path, reason))
            continue
        try:
            status = place.stat()
        except OSError as error:
            raise FileUnreadableError(path=path, reason=error.strerror) from error
        is_executable = bool(status.st_mode & stat.S_IXUSR)
        files.append(FoundFile(unicodedata.normalize("NFC", path), place, status.st_size, is_executable))
    if not files:
        raise SourceMissingError(folder=str(folder))
    return Selection(tuple(sorted(files, key=lambda file: file.path.encode())), tuple(left_out))


def _reason(rules: IgnoreRules, path: str, tracked: frozenset[str]) -> str | None:
    if path == PROJECT_SETTINGS:
        # easel.toml is sent, because its table [build] configures the build.
        return None
    if is_junk(path) or path.startswith(DEPENDENCIES) or f"/{DEPENDENCIES}" in path or _is_in_repository(path):
        return BY_DEFAULT
    reason = rules.reason_with_parents(path)
    return None if reason == BY_DEFAULT and path in tracked else reason


def _is_in_repository(path: str) -> bool:
    return not _REPOSITORIES.isdisjoint(path.split("/"))
