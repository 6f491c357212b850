"""Refuses all methods except GET and HEAD."""

from __future__ import annotations

from easel.bundles.root import SHARED_FOLDERS
from easel.serving.errors import MethodNotAllowedError, PlatformPathError
from easel.serving.models import FixedAnswer, Request, Site
from easel.serving.navigation import wants_page
from easel.serving.paths import own_location
from easel.serving.plain_answers import redirect, refusal
from easel.serving.stage import Stage


def _before(site: Site, request: Request) -> FixedAnswer | None:
    if request.reads:
        return None
    prefix = request.address.prefix
    if prefix in SHARED_FOLDERS and not (request.method == "POST" and wants_page(request)):
        return refusal(PlatformPathError(prefix=prefix))
    return refuse_method(request)


def refuse_method(request: Request) -> FixedAnswer:
    """Returns the response to a request whose method files do not support. A form or a payment page may bring a person
    to the app by POST, so a navigation is redirected to the page (RFC 9110 §15.4.4). A program gets an error, because
    its data would be lost silently."""
    if request.method == "POST" and wants_page(request):
        return redirect(303, own_location(request.target))
    return refusal(MethodNotAllowedError())


STAGE = Stage("methods", before=_before)
