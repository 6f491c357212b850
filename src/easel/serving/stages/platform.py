"""Answers the platform's own paths, and refuses addresses that only an attempt to leave the site can contain.

Every client resolves `.` and `..` before it sends a request. A request that still contains them is refused. The
exception is an app that has set the page addresses of another host (such as Netlify), because those hosts resolve them.
"""

from __future__ import annotations

from easel.bundles.root import RESERVED_FOLDERS
from easel.serving.errors import PathInvalidError, PlatformPathError
from easel.serving.models import FixedAnswer, Request, Site
from easel.serving.plain_answers import refusal
from easel.serving.runtime import RUNTIME_PATH
from easel.serving.stage import Stage


def _before(site: Site, request: Request) -> FixedAnswer | None:
    try:
        prefix = request.address.prefix
        if request.address.has_dots and not (site.rules is not None and site.rules.pages):
            raise PathInvalidError(reason="the path contains `.` or `..`")
    except PathInvalidError as error:
        return refusal(error)
    is_refused = prefix in RESERVED_FOLDERS and request.address.path != RUNTIME_PATH
    return refusal(PlatformPathError(prefix=prefix)) if is_refused else None


STAGE = Stage("platform", before=_before)
