"""Applies the header blocks of a version's rules to responses on the paths that they match.

The blocks apply to every response of the app, including errors, because an error page needs the same policy as a page.
Headers about caching and about the body apply to files and redirects only, because a script that is missing today must
not be cached as missing for a year.
"""

from __future__ import annotations

from typing import Final

from easel.serving.models import Answer, File, Found, Request, Site
from easel.serving.stage import Stage

_OF_CONTENT: Final = frozenset(
    {
        "cache-control",
        "cdn-cache-control",
        "content-disposition",
        "content-language",
        "content-type",
        "expires",
        "netlify-cdn-cache-control",
        "pragma",
        "surrogate-control",
    }
)
_REDIRECTING: Final = (301, 302, 303, 307, 308)


def _after(site: Site, request: Request, found: Found, answer: Answer) -> Answer:
    rules = site.rules
    if rules is None or not len(rules.headers):
        return answer
    redirects = answer.status in _REDIRECTING
    if redirects and rules.dialect == "netlify":
        return answer
    changes = rules.headers.find(request.visit)
    if not changes:
        return answer
    # If a response has no source, a later stage has replaced the file with another response.
    is_file = isinstance(found, File) and not found.is_stand_in and answer.source is not None
    is_content = redirects or (is_file and answer.status < 400)
    names = {name for name in changes if is_content or name not in _OF_CONTENT}
    if answer.status == 304:
        names = {name for name in names if not name.startswith("content-")}
    vary = [value for name, value in answer.headers if name == b"vary"]
    kept = tuple(one for one in answer.headers if one[0].decode("latin-1") not in names)
    added: list[tuple[bytes, bytes]] = []
    for name in names:
        values = changes[name]
        if name == "vary":
            # The site's own Vary states the request headers that the bytes depend on, so a rule can only add headers to
            # it.
            joined = [*(value.decode("latin-1") for value in vary), *(values or ())]
            values = [", ".join(joined)] if joined else None
        added.extend((name.encode("latin-1"), value.encode("utf-8")) for value in values or ())
    return answer.with_only((*kept, *added))


def _varies(site: Site, request: Request) -> bool:
    return site.rules is not None and site.rules.headers.depends_on_visit


STAGE = Stage("header rules", after=_after, varies=_varies)
