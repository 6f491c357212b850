"""Reads the commit and the files of the deployed code from Git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from easel.cli.project import FILE_NAME
from easel.cli.shipping.outputs import source_of
from easel.places import home

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Commit:
    """The checked-out commit in `folder`. `author` is `name <email>`. `modified` is true if tracked files differ from
    the commit."""

    folder: Path
    sha: str
    author: str
    message: str
    modified: bool = False

    @property
    def subject(self) -> str:
        """Returns the first line of the commit's message."""
        return self.message.split("\n", 1)[0]

    @property
    def revision(self) -> str:
        """Returns the deployed revision in the form of `git describe --dirty`: the commit, with `-dirty` if files
        differ from it."""
        return f"{self.sha}-dirty" if self.modified else self.sha


def current_commit(target: Path, root: Path) -> Commit | None:
    """Returns the commit from which the folder or zip `target` was made. Returns None if Git knows neither the target
    nor the project at `root`."""
    folder = _tracked_source(target.resolve(), root.resolve())
    answer = _git(folder, "log", "-1", "--no-show-signature", "--format=%H%x00%an <%ae>%x00%B") if folder else None
    if folder is None or answer is None or answer.count("\0") != 2:
        return None
    sha, author, message = answer.split("\0")
    described = _git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") or ""
    modified = described.strip().endswith("-dirty")
    return Commit(folder=folder, sha=sha.strip(), author=author, message=message.strip(), modified=modified)


def _tracked_source(target: Path, root: Path) -> Path | None:
    """Returns a folder with tracked files: the deployed folder, or the project that it was built from. Returns None if
    Git tracks no files in either folder.

    A surrounding work tree may be unrelated. The work tree of a home folder holds its owner's settings. A new folder or
    an ignored project inside a clone does not belong to the clone.
    """
    place = target if target.is_dir() else target.parent
    if _git(place, "ls-files", "--", str(target)):
        return place
    if root == place:
        root = source_of(place) or (place.parent if is_ignored(place) else place)
    elif not _is_from(root, target, place):
        return None
    if root == home():
        return None
    # A repository without any tracked files is a new project, and its commit belongs to the deployed folder too.
    return root if _git(root, "ls-files", "--", ".") or not _git(root, "ls-files", "--", ":/") else None


def _is_from(root: Path, target: Path, place: Path) -> bool:
    """Returns true if the untracked `target` in the folder `place` was probably made from the project at `root`: Git
    ignores the target, the folder has a usual name of a build's output, or Git tracks easel.toml or neighbours of a
    zip. An untracked folder of another name is a new project if the repository tracks other files."""
    if source_of(place) is not None or _git(place, "check-ignore", "-q", "--", str(target)) is not None:
        return True
    if _git(root, "ls-files", "--", FILE_NAME) or _git(place, "ls-files", "--", "."):
        return True
    return not _git(root, "ls-files", "--", ":/")


def is_ancestor(folder: Path, sha: str, of: str) -> bool | None:
    """Returns true if the commit `sha` is an ancestor of the commit `of`. Returns None if Git does not know both
    commits."""
    done = _run(folder, "merge-base", "--is-ancestor", sha, of)
    return {0: True, 1: False}.get(done.returncode) if done is not None else None


def is_ignored(folder: Path) -> bool:
    """Returns true if Git ignores the folder, as it ignores build outputs."""
    return _git(folder, "check-ignore", "-q", ".") is not None


def listed_files(folder: Path) -> list[str] | None:
    """Returns the files below the folder that Git tracks or would add, relative to the folder. Returns None outside a
    work tree."""
    answer = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    return sorted(path for path in answer.split("\0") if path) if answer is not None else None


def tracked_files(folder: Path) -> frozenset[str]:
    """Returns the files below the folder that Git tracks, relative to the folder. Returns no files outside a work
    tree."""
    answer = _git(folder, "ls-files", "-z", "--cached")
    return frozenset(path for path in (answer or "").split("\0") if path)


def is_distrusted(folder: Path) -> bool:
    """Returns true if Git refuses to read the repository because another user owns it, as in many CI containers."""
    done = _run(folder, "rev-parse", "--git-dir")
    return done is not None and done.returncode != 0 and b"dubious ownership" in done.stderr


def _git(folder: Path, *arguments: str) -> str | None:
    done = _run(folder, *arguments)
    return done.stdout.decode("utf-8", "replace") if done is not None and done.returncode == 0 else None


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), "-c", "i18n.logOutputEncoding=UTF-8", *arguments],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
