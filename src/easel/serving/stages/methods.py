"""Methods: files can be read, with GET and HEAD, and nothing else."""

from __future__ import annotations

from easel.bundles.root import SHARED_FOLDERS
from easel.serving.errors import MethodNotAllowedError, PlatformPathError
from easel.serving.models import Fixed, Request, Site
from easel.serving.plain import refusal
from easel.serving.stage import Stage


def _before(site: Site, request: Request) -> Fixed | None:
    if request.reads:
        return None
    prefix = request.address.prefix
    return refusal(PlatformPathError(prefix=prefix)) if prefix in SHARED_FOLDERS else refuse_method(request)


def refuse_method(request: Request) -> Fixed:
    """What answers a method that a file has not."""
    return refusal(MethodNotAllowedError())


STAGE = Stage("methods", before=_before)
