"""Ends a service worker whose script is missing. Without this stage, the worker would ignore redirects and survive a
404."""

from __future__ import annotations

from easel.serving.models import Answer, Found, Request, Site
from easel.serving.respond import answer_fixed
from easel.serving.stage import Stage
from easel.serving.workers import LEAVING_WORKER, asks_for_worker


def _after(site: Site, request: Request, found: Found, answer: Answer) -> Answer:
    is_missing = answer.status in (301, 302, 303, 307, 308, 404)
    return answer_fixed(LEAVING_WORKER) if is_missing and asks_for_worker(request) else answer


def _varies(site: Site, request: Request) -> bool:
    return asks_for_worker(request)


STAGE = Stage("workers", after=_after, varies=_varies)
