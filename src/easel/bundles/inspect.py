"""Inspects a bundle (an uploaded zip) in one pass, in bounded memory. A bundle that has passed can be served.

Each member is inflated in memory once, compared with its size and CRC, and hashed. The limits hold while inflating,
whatever the headers state. Inflating stops one piece past a member's declared size.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import structs

from easel.bundles.chosen_members import check_sizes, choose
from easel.bundles.codings import sent_decoded
from easel.bundles.directory import Entry, read_directory
from easel.bundles.errors import NotAZipError, SourceBundleError
from easel.bundles.hashed_names import find_hashed
from easel.bundles.inflate import DamagedDataError, inflated, raw
from easel.bundles.members import MemberReader
from easel.bundles.models import MAY_VOUCH, NO_PLACE, REGISTERS_WORKER, Allowances, Inspection, Limits, Member
from easel.bundles.names import printable
from easel.bundles.one_page import LOOKED_AT as PAGE_LOOKED_AT
from easel.bundles.one_page import is_one_page
from easel.bundles.precaches import without_revision
from easel.bundles.previous_version import PreviousVersion
from easel.bundles.read import content as content_of
from easel.bundles.root import (
    ENTRY_POINT,
    PROJECT_SETTINGS,
    RULES_FILES,
    find_root,
    home_page,
    notes,
    refuse_accidents,
    refuse_conflicts,
)
from easel.bundles.unbuilt import LOOKED_AT as UNBUILT_LOOKED_AT
from easel.bundles.unbuilt import PROJECT_FILE, unbuilt_script
from easel.bundles.vouched_pages import find_vouched, is_worker
from easel.rules.errors import RulesFileTooLargeError
from easel.rules.models import AS_IT_COMES, LARGEST_SEARCHED, Rules, RuleSettings
from easel.rules.read import read_rules


def inspect_file(
    path: Path,
    *,
    limits: Limits,
    allow: Allowances,
    rules: RuleSettings = AS_IT_COMES,
    threads: int = 2,
    should_stop: Callable[[], bool] | None = None,
    before: PreviousVersion | None = None,
) -> Inspection:
    """Inspects the zip at the path (see `inspect`). The file must not change while it is read."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise NotAZipError(found="empty")
        # The mapping is closed when the last reference to it ends. If the zip is refused, the error's traceback may
        # still refer to a part of the mapping. Closing the mapping here would raise another error, which would hide the
        # refusal.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return inspect(
            mapped,
            limits=limits,
            allow=allow,
            rules=rules,
            threads=threads,
            should_stop=should_stop,
            before=before,
        )


def inspect(
    data: memoryview | mmap.mmap,
    *,
    limits: Limits,
    allow: Allowances,
    rules: RuleSettings = AS_IT_COMES,
    threads: int = 2,
    should_stop: Callable[[], bool] | None = None,
    before: PreviousVersion | None = None,
) -> Inspection:
    """Reads a whole zip: structure, names, rules, and every member's content.

    Returns the app's files by path, with the location of their bytes, and notes for the uploader. Raises the errors of
    `easel.bundles.errors`, and InspectionStoppedError once `should_stop` returns true (called every few MiB). Files
    that are unchanged since the version `before` are not inflated again.
    """
    reader = MemberReader(allow, should_stop or (lambda: False), before)
    with memoryview(data) as view:
        entries = read_directory(view, limits)
        chosen, folders, left_out = choose(entries, limits)
        refuse_conflicts(chosen, folders)
        root = find_root(chosen)
        if not allow.sources and root + PROJECT_FILE in chosen and root + ENTRY_POINT in chosen:
            _refuse_unbuilt(chosen, root, view)
        if chosen.pop(root + PROJECT_SETTINGS, None) is not None:
            left_out.append(root + PROJECT_SETTINGS)
        refuse_accidents(chosen, root, allow)
        check_sizes(chosen, limits)
        wanted = [(path[len(root) :], entry) for path, entry in chosen.items()]
        del entries, chosen, folders
        files = reader.read_all(view, wanted, threads)
        read = _reading(files, view)
        named = find_hashed({path: (member.hash, member.size) for path, member in files.items()}, read)
        found = _read_rules(files, view, rules)
        vouched = find_vouched(files, _marked(files, MAY_VOUCH), lambda path: content_of(files[path], view))
        coded = sent_decoded(files.keys(), _pausing(read, reader.check_stop))
        home = home_page(files) or ENTRY_POINT
        one_page = is_one_page(files, home, read(home, PAGE_LOOKED_AT))
        workers = list(filter(is_worker, files))
        precached = without_revision(workers, read)
    files |= {path: structs.replace(files[path], immutable=True) for path in named.known}
    files |= {path: structs.replace(files[path], place=NO_PLACE) for path in vouched}
    files |= {path: structs.replace(files[path], coding=coding) for path, coding in coded.items()}
    return Inspection(
        files=files,
        stripped_root=root.rstrip("/"),
        left_out=left_out,
        warnings=notes(files, root, left_out),
        may_be_hashed=named.may,
        vouched=vouched,
        precached=precached,
        has_worker=bool(_marked(files, REGISTERS_WORKER)) or bool(workers),
        rules=found,
        home=home,
        is_one_page=one_page,
    )


def _refuse_unbuilt(chosen: Mapping[str, Entry], root: str, bundle: memoryview) -> None:
    """Raises SourceBundleError if the files are a project whose page stays blank until the project is built. `chosen`
    are the members by path."""

    def read(path: str) -> bytes:
        entry = chosen[root + path]
        with bundle[entry.offset : entry.offset + entry.length] as stored:
            return inflated(stored, entry.method, min(entry.size, UNBUILT_LOOKED_AT))

    paths = {path[len(root) :] for path in chosen} if root else chosen
    try:
        script = unbuilt_script(paths, ENTRY_POINT, read)
    except DamagedDataError:
        # The whole file is read later. If it is damaged, the error at that time contains its name.
        return
    if script is not None:
        member = printable(root + script)
        raise SourceBundleError(member=member, found=f"{ENTRY_POINT} loads `{member}`, which browsers cannot run")


def _read_rules(files: Mapping[str, Member], bundle: memoryview, wanted: RuleSettings) -> Rules | None:
    """Returns the redirects and headers that the rules files in a bundle (such as `_redirects`) declare. Raises the
    errors of `easel.rules.errors`."""
    present = {name: files[name] for name in RULES_FILES if name in files}
    for name, member in present.items():
        if member.size > LARGEST_SEARCHED:
            raise RulesFileTooLargeError(name=name, size=member.size, limit=LARGEST_SEARCHED)
    texts = {name: inflated(raw(one, bundle), one.method, one.size) for name, one in present.items()}
    at_root = [path for path in files if "/" not in path] if texts else ()
    return read_rules(texts, wanted, names=at_root, has=files.__contains__)


def _reading(files: Mapping[str, Member], bundle: memoryview) -> Callable[[str, int], bytes]:
    """Returns a function that reads a file's content up to a number of bytes, and one byte more if the file is
    longer."""

    def read(path: str, most: int) -> bytes:
        member = files[path]
        return inflated(raw(member, bundle), member.method, most)

    return read


def _pausing(read: Callable[[str, int], bytes], check_stop: Callable[[], None]) -> Callable[[str, int], bytes]:
    """Returns a function that calls `check_stop`, which raises an error if the inspection must stop, and then `read`.
    The check is needed before each call, because unpacking a few bytes of Brotli may take as long as unpacking its
    whole window."""

    def reading(path: str, most: int) -> bytes:
        check_stop()
        return read(path, most)

    return reading


def _marked(files: Mapping[str, Member], mark: int) -> list[str]:
    return [path for path, member in files.items() if member.marks is not None and member.marks & mark]
