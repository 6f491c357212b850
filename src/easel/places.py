"""The data folder, and the files by which the server and the command line on one machine find each other."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import IO

from platformdirs.unix import Unix

from easel.errors import ConflictError, EaselError
from easel.files import lock_file


class DataDirInUseError(ConflictError):
    """Another `easel serve` is running on the data folder {folder}. Stop it first, or choose another folder with
    --data-dir."""

    code = "data_dir_in_use"


class DataDirUnusableError(EaselError):
    """The data folder {folder} cannot be used: {reason}. Choose another folder with --data-dir."""

    code = "data_dir_unusable"


class DataFolderMissingError(EaselError):
    """{folder} contains no data of Easel. Pass the data folder with `--data-dir`, or first run `easel serve` there."""

    status = 404
    code = "data_folder_missing"


def home() -> Path | None:
    """Returns the user's home folder with links resolved. Returns None for a user without a home folder, such as a
    numeric user in a container."""
    try:
        return Path.home().resolve()
    except (OSError, RuntimeError):
        return None


def lock_data_dir(folder: Path) -> IO[str]:
    """Creates the folder if necessary, and locks it as long as the returned file stays open.

    Raises DataDirInUseError, DataDirUnusableError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise DataDirUnusableError(folder=str(folder), reason=error.strerror or str(error)) from None
    if not lock_file(lock):
        lock.close()
        raise DataDirInUseError(folder=str(folder))
    return lock


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def data_dir_note() -> Path:
    """Returns the path of the file in which `easel serve` records its data folder for its user (XDG Base Directory
    Specification: state).

    Raises RuntimeError for a user without a home folder.
    """
    folder = Unix("easel").user_state_path
    if not folder.is_absolute():
        raise RuntimeError("there is no home folder")
    return folder / "data-dir"


def remember_data_dir(folder: Path) -> str:
    """Records the data folder, so that the command line finds this server's first key from any working folder. Errors
    are ignored.

    Records nothing while another server of this user runs on the folder that was recorded last, because the command
    line would silently change its server. Then returns the option with which the command line uses this server, after
    a blank. Otherwise returns "".
    """
    last, place = remembered_data_dir(), folder.resolve()
    if last is not None and last != place and _is_served(last):
        return f" --data-dir {shlex.quote(str(place))}"
    with suppress(OSError, RuntimeError):
        note = data_dir_note()
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{place}\n")
    return ""


def _is_served(folder: Path) -> bool:
    """Returns true if an `easel serve` runs on the data folder."""
    try:
        with (folder / "lock").open() as lock:
            return not lock_file(lock)
    except OSError:
        return False


def remembered_data_dir() -> Path | None:
    """Returns the data folder that `remember_data_dir` recorded last. Returns None if there is none."""
    try:
        text = data_dir_note().read_text().strip()
    except (OSError, RuntimeError, UnicodeDecodeError):
        return None
    return Path(text) if text else None
