"""The platform's own paths, and addresses that only an attempt to leave the site can produce."""

from __future__ import annotations

from easel.bundles.root import RESERVED_FOLDERS
from easel.serving.errors import PathInvalidError, PlatformPathError
from easel.serving.models import Fixed, Request, Site
from easel.serving.plain import refusal
from easel.serving.runtime import RUNTIME_PATH
from easel.serving.stage import Stage


def _before(site: Site, request: Request) -> Fixed | None:
    try:
        prefix = request.address.prefix
    except PathInvalidError as error:
        return refusal(error)
    is_refused = prefix in RESERVED_FOLDERS and request.address.path != RUNTIME_PATH
    return refusal(PlatformPathError(prefix=prefix)) if is_refused else None


STAGE = Stage("platform", before=_before)
