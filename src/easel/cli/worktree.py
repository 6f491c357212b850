"""What Git knows about the code that is deployed."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that is checked out; `author` as `name <email>`."""

    sha: str
    author: str
    message: str

    @property
    def subject(self) -> str:
        """The message's first line."""
        return self.message.split("\n", 1)[0]


def current_commit(folder: Path) -> Commit | None:
    """The commit of the work tree that the folder belongs to, or None without Git, a work tree or a commit."""
    if not _belongs(folder):
        return None
    answer = _git(folder, "log", "-1", "--no-show-signature", "--format=%H%x00%an <%ae>%x00%B")
    if answer is None or answer.count("\0") != 2:
        return None
    sha, author, message = answer.split("\0")
    return Commit(sha=sha.strip(), author=author, message=message.strip())


def _belongs(folder: Path) -> bool:
    """Whether the folder has to do with the work tree around it: one that is neither tracked nor ignored, where other
    things are tracked, has not."""
    tracked, around = _git(folder, "ls-files", "--", "."), _git(folder, "ls-files", "--", ":/")
    return bool(tracked) or not around or _git(folder, "check-ignore", "-q", ".") is not None


def listed_files(folder: Path) -> list[str] | None:
    """The files below the folder that Git tracks or would add, relative to it; None outside a work tree."""
    answer = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    return sorted(path for path in answer.split("\0") if path) if answer is not None else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
