"""From a folder to an accepted deploy: zip, upload, request. If the user interrupts the command, nothing remains."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from easel.cli.answers import Accepted
from easel.cli.session import Session
from easel.cli.shipping.commit_order import check_commit_order
from easel.cli.shipping.deploy_request import request_deploy
from easel.cli.shipping.errors import FileUnreadableError, NotAZipError, ScratchFileError
from easel.cli.shipping.host_files import with_host_files
from easel.cli.shipping.ignore import rules_for
from easel.cli.shipping.pack import ExcludedFile, select, write_zip
from easel.cli.shipping.source_zip import select_sources
from easel.cli.shipping.sources import MAX_BYTES, MAX_FILES, collect_sources
from easel.cli.shipping.target import Target
from easel.cli.shipping.upload import upload
from easel.cli.shipping.worktree import Commit
from easel.cli.text import plural, shortened, size

_NAMED = 8
LONGEST_MESSAGE = 4_000
"""The server's maximum number of characters of a deploy's message, a commit's message, and an author."""
LONGEST_TEXT = 20_000
LONGEST_AUTHOR = 1_000


@dataclass(frozen=True, slots=True)
class Shipment:
    """The content, source and target of a deploy, and its messages."""

    app_id: str
    slug: str
    target: Target
    root: Path
    environment: str
    message: str
    commit: Commit | None
    with_sources: bool
    not_older: bool = False
    build: Mapping[str, Any] = field(default_factory=dict)


def check(target: Target, root: Path) -> None:
    """Raises the errors that `ship` would raise about the folder or zip itself: links that lead outside, invalid names,
    …"""
    if not target.is_folder:
        _open(target.path).close()
        return
    folder = target.path.resolve()
    if target.is_source:
        select_sources(folder)
        return
    select(folder, rules_for(folder, root=root.resolve()))


def ship(session: Session, shipment: Shipment) -> Accepted:
    """Zips, uploads and requests the deploy. Raises the errors of `pack`, `sources`, `upload` and the API."""
    check_commit_order(session, shipment.app_id, shipment.environment, shipment.commit, refuse=shipment.not_older)
    sources = _sources(session, shipment) if shipment.with_sources else None
    with open_bundle(session, shipment.target, shipment.root) as bundle:
        length = bundle.seek(0, 2)
        name = f"{shipment.slug}.zip" if shipment.target.is_folder else shipment.target.path.name
        address = session.client.upload_url(shipment.app_id, name)
        session.output.say(f"Uploading {size(length)} …")
        upload(address.upload_url, bundle, length, session.output)
    commit = shipment.commit
    if shipment.not_older:
        # During the upload, another pipeline may have deployed a newer commit.
        check_commit_order(session, shipment.app_id, shipment.environment, commit, refuse=True)
    request: dict[str, Any] = {
        "environment": shipment.environment,
        "message": shipment.message,
        "bundle_s3_key": address.bundle_s3_key,
        "source_files": sources,
        "git_commit_sha": commit.revision if commit else None,
        "git_commit_message": shortened(commit.message, LONGEST_TEXT) if commit else None,
        "git_author": shortened(commit.author, LONGEST_AUTHOR) if commit else None,
    }
    if shipment.target.is_source:
        request["build"] = True
    if settings := {**session.project.build_config, **shipment.build}:
        # Without settings, the field is left out, because a server of an earlier release would refuse it.
        request["build_config"] = settings
    return request_deploy(session, shipment.app_id, request)


def open_bundle(session: Session, target: Target, root: Path) -> IO[bytes]:
    """Returns the zip, open for reading. This is the given zip, or a new zip in an unnamed file, which the system
    always removes. Prints the excluded and the added files. Raises the errors of `pack`, and ScratchFileError."""
    path = target.path
    if not target.is_folder:
        return _open(path)
    folder, root = path.resolve(), root.resolve()
    if target.is_source:
        selection = select_sources(folder)
    else:
        found = with_host_files(select(folder, rules_for(folder, root=root)), folder, root, session.project)
        selection = found.selection
        for note in found.notes:
            session.output.say(note)
    _tell_left_out(session, selection.left_out)
    session.output.say(f"Zipping {plural(len(selection.files), 'file')}, {size(selection.size)} …")
    try:
        made: IO[bytes] = tempfile.TemporaryFile(prefix="easel-")  # noqa: SIM115 (the caller closes it)
    except OSError as error:
        raise ScratchFileError(folder=os.environ.get("TMPDIR", "/tmp"), reason=error.strerror) from error  # noqa: S108
    try:
        with session.output.progress("Zipping", selection.size) as bar:
            write_zip(selection, made, bar.advance)
    except OSError as error:
        _give_up(made)
        raise ScratchFileError(folder=tempfile.gettempdir(), reason=error.strerror) from error
    except BaseException:
        _give_up(made)
        raise
    return made


def _give_up(made: IO[bytes]) -> None:
    # The remaining bytes do not fit on the disk either, so this error is ignored.
    with suppress(OSError):
        made.close()


def _open(path: Path) -> IO[bytes]:
    """Returns a zip, open for reading. Raises FileUnreadableError, NotAZipError."""
    try:
        bundle = path.open("rb")
    except OSError as error:
        raise FileUnreadableError(path=str(path), reason=error.strerror) from error
    if not zipfile.is_zipfile(bundle):
        bundle.close()
        raise NotAZipError(path=str(path))
    return bundle


def _tell_left_out(session: Session, left_out: Sequence[ExcludedFile]) -> None:
    for reason, count in Counter(entry.reason for entry in left_out).items():
        named = [entry.path for entry in left_out if entry.reason == reason][:_NAMED]
        more = f" and {count - len(named)} more" if count > len(named) else ""
        by = f"by {reason}" if reason.startswith(".") else reason
        session.output.say(f"Left out {by}: {', '.join(named)}{more}.", style="dim")


def _sources(session: Session, shipment: Shipment) -> dict[str, str]:
    target = shipment.target
    output = target.path if target.is_folder else target.path.parent / ".no-build-output"
    found = collect_sources(shipment.root, output)
    said = f"Also sending {plural(len(found.texts), 'source file')}"
    if found.not_text:
        said += f"; {plural(len(found.not_text), 'binary file is', 'binary files are')} left out"
    session.output.say(said + ".")
    if found.too_much:
        session.output.warn(
            f"{plural(len(found.too_much), 'source file was', 'source files were')} left out, such as "
            f"`{found.too_much[-1]}`, because a deploy may contain at most {MAX_FILES:,} source files of "
            f"{size(MAX_BYTES)} together. To make room, exclude other files with .easelignore."
        )
    return found.texts
