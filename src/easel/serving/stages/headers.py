"""Headers of every answer of a site."""

from __future__ import annotations

from easel.serving.models import Answer, Found, Request, Site
from easel.serving.stage import Stage

_NO_INDEX = (b"x-robots-tag", b"noindex")


def _after(site: Site, request: Request, found: Found, answer: Answer) -> Answer:
    version = (b"x-easel-version", str((answer.source or site).version).encode())
    return answer.with_headers(version) if site.indexable else answer.with_headers(version, _NO_INDEX)


STAGE = Stage("headers", after=_after)
