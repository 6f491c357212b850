"""Where on this machine a server and the command line find each other."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def data_dir_note() -> Path:
    """The file in which `easel serve` notes its data folder for its user (XDG Base Directory Specification: state)."""
    base = os.environ.get("XDG_STATE_HOME")
    folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "state"
    return folder / "easel" / "data-dir"


def remember_data_dir(folder: Path) -> None:
    """Notes the folder, so that the command line finds this server's first key from anywhere. Failing is no matter."""
    with suppress(OSError, RuntimeError):
        note = data_dir_note()
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{folder.resolve()}\n")


def remembered_data_dir() -> Path | None:
    """The data folder of the server that this user started last, if any."""
    try:
        text = data_dir_note().read_text().strip()
    except (OSError, RuntimeError, UnicodeDecodeError):
        return None
    return Path(text) if text else None
