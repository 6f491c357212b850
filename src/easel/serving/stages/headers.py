"""Adds the headers that every response of a site gets."""

from __future__ import annotations

from functools import lru_cache

from easel.serving.models import Answer, Found, Request, Site
from easel.serving.stage import Stage

_NO_INDEX = (b"x-robots-tag", b"noindex")


def _after(site: Site, request: Request, found: Found, answer: Answer) -> Answer:
    version = _version((answer.source or site).version)
    return answer.with_headers(version) if site.indexable else answer.with_headers(version, _NO_INDEX)


@lru_cache(1024)
def _version(number: int) -> tuple[bytes, bytes]:
    return b"x-easel-version", str(number).encode()


STAGE = Stage("headers", after=_after)
