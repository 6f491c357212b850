"""Copies, moves, measures and removes whole folders.

Builds have filled these folders. They may be very deep or very wide, and contain links to any place. The system's own
programs do the work, because they follow no link, and have no limit of depth.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import subprocess
import tempfile
from pathlib import Path

from easel.processes import end_process

_log = logging.getLogger(__name__)

_FICLONE = 0x40049409
"""The request of ioctl (FICLONE in linux/fs.h) that lets two files share their blocks."""
TIMEOUT = 300.0
"""Timeout in seconds for copying, moving, measuring or removing one folder."""
_REMOVE = ("rm", "-rf", "--one-file-system", "--")
_OPEN = ("chmod", "-R", "u+rwx", "--")
"""The command that restores the owner's rights to folders. Without these rights, the folders' content could not be
removed."""


async def copy_folder(source: Path, target: Path) -> None:
    """Copies a folder with owners, times and links. The copy shares blocks with the source if the file system can do
    that. Hard links are never used, because the copy's owner could write to the source through them. Raises OSError."""
    # cp's `--reflink=auto` is used only if the file system can share blocks. Elsewhere, it makes ext4 write the source
    # to the disk first, file by file.
    reflink = "--reflink=auto" if await asyncio.to_thread(_shares_blocks, target.parent) else "--reflink=never"
    await _run("cp", "-a", reflink, "--no-target-directory", "--", str(source), str(target))


def _shares_blocks(folder: Path) -> bool:
    with tempfile.TemporaryFile(dir=folder) as one, tempfile.TemporaryFile(dir=folder) as other:
        one.write(b"x")
        one.flush()
        try:
            fcntl.ioctl(other, _FICLONE, one.fileno())
        except OSError:
            return False
    return True


async def remove_folder(folder: Path) -> None:
    """Removes a folder or file if it exists, even if a build has taken away the rights to do so. Raises OSError."""
    if not os.path.lexists(folder):
        return
    try:
        await _run(*_REMOVE, str(folder))
    except OSError:
        await _run(*_OPEN, str(folder))
        await _run(*_REMOVE, str(folder))


def remove_tree(folder: Path) -> None:
    """Removes a folder in a thread, without a time limit. Logs a warning for anything that cannot be removed."""
    for command in (_REMOVE, _OPEN, _REMOVE):
        done = subprocess.run([*command, str(folder)], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if command is _REMOVE and not done.returncode:
            return
    complaint = done.stderr.decode(errors="replace").strip()[:500]
    _log.warning("the folder of a build could not be removed: %s", complaint)


async def folder_size(folder: Path) -> int:
    """Returns the disk space (bytes) that a folder uses. Raises OSError."""
    said = await _run("du", "-s", "--block-size=1", "--", str(folder))
    return int(said.split(None, 1)[0])


async def move_folder(source: Path, target: Path) -> None:
    """Moves a folder. Copies the folder if the destination is on another file system. Raises OSError."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        await copy_folder(source, target)
        await remove_folder(source)


async def folder_entries(folder: Path) -> int:
    """Returns the number of files and folders in a folder. Raises OSError."""
    said = await _run("du", "-s", "--inodes", "--", str(folder))
    return int(said.split(None, 1)[0])


async def _run(*command: str) -> str:
    """Runs a program, and returns its output. The program must end within `TIMEOUT`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            said, complaint = await process.communicate()
    except TimeoutError as error:
        raise OSError(f"{command[0]} took longer than {TIMEOUT:.0f} s") from error
    finally:
        await end_process(process)
    if process.returncode:
        raise OSError(f"{command[0]} failed: {complaint.decode(errors='replace').strip()[:500]}")
    return said.decode(errors="replace")
