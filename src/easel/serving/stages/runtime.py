"""Serves the runtime object (the app's public variables) as a separate script. This stage comes after access checks,
because the script belongs to the app."""

from __future__ import annotations

from easel.serving.models import Found, Request, Site
from easel.serving.runtime import RUNTIME_PATH, runtime_file
from easel.serving.stage import Stage
from easel.serving.stages.methods import refuse_method


def _before(site: Site, request: Request) -> Found | None:
    if request.address.path != RUNTIME_PATH:
        return None
    return runtime_file(site) if request.reads else refuse_method(request)


STAGE = Stage("runtime", before=_before)
