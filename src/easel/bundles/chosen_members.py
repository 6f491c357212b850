"""Chooses the members (entries) of a zip that belong to the app, and their paths, from names and declared sizes, before
any member is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from easel.bundles.directory import Entry
from easel.bundles.errors import (
    FileTooLargeError,
    InflatesTooLargeError,
    NamesTooLongError,
    PathDuplicateError,
    TooManyFilesError,
    ZipEmptyError,
)
from easel.bundles.models import Limits
from easel.bundles.names import are_plain, check_path, in_slices, names_root, printable, together
from easel.bundles.root import is_folder_icon, is_junk, may_have_junk


def choose(entries: Sequence[Entry], limits: Limits) -> tuple[dict[str, Entry], set[str], list[str]]:
    """Divides the members of a zip into files (by safe path), folders, and junk that operating systems have left. Junk
    is checked too, because it is part of the same zip. Raises the errors of `check_path`, PathDuplicateError,
    ZipEmptyError, TooManyFilesError, NamesTooLongError."""
    files: dict[str, Entry] = {}
    folders: set[str] = set()
    left_out: list[str] = []
    for some in in_slices(entries):
        plain = {entry.name: entry for entry in some if not entry.is_folder}
        rest = [entry for entry in some if entry.is_folder]
        if len(plain) + len(rest) == len(some) and _need_no_look(plain, limits) and files.keys().isdisjoint(plain):
            files.update(plain)
            some = rest
        for entry in some:
            if not entry.size and names_root(entry.name):
                continue  # The zipped folder itself: "./" from bsdtar, "/" from Dropbox.
            icon = is_folder_icon(entry.name)
            path = check_path(entry.name[:-1] if icon else entry.name, max_bytes=limits.max_name_bytes)
            if is_junk(path) or icon:
                if not entry.is_folder:
                    left_out.append(path)
            elif entry.is_folder:
                folders.add(path)
            elif path in files:
                raise PathDuplicateError(member=printable(path))
            else:
                files[path] = entry
    if not files:
        raise ZipEmptyError()
    if len(files) > limits.max_files:
        raise TooManyFilesError(count=len(files), limit=limits.max_files)
    if (names := sum(map(len, files))) > limits.max_names_bytes:
        raise NamesTooLongError(size=names, limit=limits.max_names_bytes)
    return files, folders, left_out


def _need_no_look(names: Collection[str], limits: Limits) -> bool:
    """Returns true if no name needs a closer check: each name is already a safe path in its stored form, and no name
    belongs to a file that operating systems leave behind."""
    if max(map(len, names), default=0) > limits.max_name_bytes:
        return False
    text = together(names)
    return are_plain(text) and not may_have_junk(text)


def check_sizes(files: Mapping[str, Entry], limits: Limits) -> None:
    """Raises FileTooLargeError or InflatesTooLargeError if the sizes in the zip's directory exceed the limits."""
    total = 0
    for path, entry in files.items():
        if entry.size > limits.max_file_size:
            raise FileTooLargeError(member=printable(path), size=entry.size, limit=limits.max_file_size)
        total += entry.size
    if total > limits.max_total_size:
        raise InflatesTooLargeError(size=total, limit=limits.max_total_size)
