"""Assets of earlier versions, for pages that were open before a deploy."""

from __future__ import annotations

from easel.bundles.names import MAX_NAME_BYTES
from easel.serving.fingerprint import is_immutable, may_be_of_an_earlier_version
from easel.serving.models import File, Request, Site
from easel.serving.plain_answers import IMMUTABLE, REVALIDATE
from easel.serving.stage import EarlierFile, Need, Stage


def _before(site: Site, request: Request) -> Need | None:
    address = request.address
    if not (request.reads and address.names_file and len(address.path) <= MAX_NAME_BYTES):
        return None
    return Need(EarlierFile(address.path), _or_none) if may_be_of_an_earlier_version(address.path) else None


def _or_none(found: File | None) -> File | None:
    return found


def earlier_file(site: Site, path: str) -> File | None:
    """Returns the file at a path of an earlier version as a response. Returns None if the version has no such file. The
    edge serves files of an earlier version only for a limited time."""
    member = site.manifest.files.get(path)
    if member is None:
        return None
    return File(path, member, 200, IMMUTABLE if is_immutable(path, member) else REVALIDATE, site, lasting=False)


STAGE = Stage("earlier", before=_before)
