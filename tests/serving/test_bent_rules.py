"""For any rules file and any request, there is a response, its headers are clean, and a cached response for an address
is the same for everybody."""

from __future__ import annotations

import json
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from easel.errors import BadRequestError
from easel.rules.models import CHOICES, Choice, RuleSettings
from easel.rules.read import FILES
from easel.serving.chain import SERVING
from easel.serving.models import Answer, Request
from tests.serving.building import Place, answered

_WORDS = (
    "/", "/*", "/a", "/a/", "/a/*", "/:x", "/:x/*", "/a/:x.html", "/*/b/*", "/index.html", "/404.html", "//", "/%2f",
    "/:splat", "/é", "https://:x.example.test/:splat", "https://example.test:x", "https://shop.test/*", "javascript:x",
    "200", "200!", "301", "302!", "404", "404!", "q=:q", "q=1", "Cookie=c", "Language=en", "Country=de", "#", "!",
    "?q=1", "//:splat", "//a:x",
)  # fmt: skip
_HEADERS = (
    "Cache-Control: max-age=9", "Set-Cookie: a=:x; Path=/", "Set-Cookie: a=b; Domain=test", "Vary: Cookie", "! Vary",
    "X-A: :splat", "X-A: é :x", "Content-Type: text/x", "Clear-Site-Data: *", "ETag: x", "Link: <:x>", "! Content-Type",
)  # fmt: skip
_PATHS = (
    "/", "/a", "/a/", "/a/b", "/a/x.html", "/b/index.html", "/index.html", "/a/evil.test:1%23", "/x%0d%0aA:b/y",
    "/a;%20Domain=test/x", "//evil.test", "/%5cevil.test", "/\xc3\xa9", "/\xff", "/a/%2f%2fevil.test", "/1/b/2",
    "/%C3%A9", "/a" * 200, "/api/x", "/_easel/x", "/..", "/a/app.12345678.js",
)  # fmt: skip
_line = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=5).map(" ".join)
_redirects = st.lists(_line, max_size=6).map("\n".join)
_block = st.tuples(st.sampled_from(_WORDS), st.lists(st.sampled_from(_HEADERS), min_size=1, max_size=4))
_headers = st.lists(_block.map(lambda block: "\n  ".join((block[0], *block[1]))), max_size=4).map("\n".join)
_request = st.builds(
    Request,
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    target=st.builds(lambda path, query: path + query, st.sampled_from(_PATHS), st.sampled_from(["", "?q=1", "?\xe9"])),
    accept=st.sampled_from([None, "text/html", "image/png"]),
    fetch_dest=st.sampled_from([None, "document", "script", "iframe"]),
    fetch_mode=st.sampled_from([None, "navigate", "no-cors"]),
    service_worker=st.sampled_from([None, "script"]),
    host=st.sampled_from(["shop.test", "other.test", "a.example.test", ""]),
    cookie=st.sampled_from([None, "c=1", "nf_lang=en"]),
    accept_language=st.sampled_from([None, "en", "de"]),
    country=st.sampled_from([None, "de"]),
)
_entry = st.dictionaries(
    st.sampled_from(["source", "destination", "route", "rewrite", "redirect", "regex", "glob", "for", "from", "to"]),
    st.sampled_from(_WORDS),
    max_size=4,
)
_valued = st.builds(
    lambda entry, name, value: {**entry, "headers": [{"key": name, "value": value}]},
    _entry,
    st.sampled_from(["X-A", "Set-Cookie", "é", ""]),
    st.sampled_from(["a", ":x", "\r\n"]),
)
_conditions = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["query", "cookie", "header", "host", "x"]),
            "key": st.sampled_from(["q", "Accept", ""]),
        },
        optional={
            "value": st.sampled_from(["1", "(?<x>.*)", "(a+)+", ".*e.*", "é", "[", {"pre": "e"}, {"inc": ["1"]}, 7])
        },
    ),
    max_size=2,
)
_limited = st.builds(
    lambda entry, source, has, missing: {**entry, "source": source, "has": has, "missing": missing},
    _entry | _valued,
    st.sampled_from(["/a/:x(\\d+.)", "/(.*)x", "/:x([^.]+)", "/:x-:y", "/*", "/a?/+(b|c)"]),
    _conditions,
    _conditions,
)
_lists = st.dictionaries(
    st.sampled_from(["redirects", "rewrites", "headers", "routes", "responseOverrides", "globalHeaders", "mimeTypes"]),
    st.lists(_entry | _valued | _limited, max_size=3) | _entry,
    max_size=3,
)
_json = st.builds(lambda lists, nests: json.dumps({"hosting": lists} if nests else lists), _lists, st.booleans())
_CLEAN = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
_OWN = re.compile(rb"/(?![/\\])|https://(?:(?:[\w-]+\.)?example|shop)\.test(?:/|\Z)")
_PAGES = {"index.html": b"home", "404.html": b"lost", "a/index.html": b"a", "b/index.html": b"b", "a/x.html": b"x"}


def check(answer: Answer) -> None:
    """Checks properties of a response that no visitor may be able to change."""
    for name, value in answer.headers:
        assert _CLEAN.match(name)
        assert _CLEAN.match(value)
        assert name != b"location" or _OWN.match(value), value
        assert name != b"set-cookie" or b"domain" not in value.lower().replace(b"%20domain", b"")
    assert len([name for name, _ in answer.headers if name == b"content-length"]) <= 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_redirects, _headers, st.sampled_from(CHOICES), st.lists(_request, min_size=2, max_size=4))
def test_no_rules_file_can_cause_a_malformed_response(
    redirects: str, headers: str, choice: Choice, requests: list[Request]
) -> None:
    files = {**_PAGES, "_redirects": redirects.encode(), "_headers": headers.encode()}
    site = Place(files, rules=RuleSettings(choice, guards=True)).site()
    for request in requests:
        answer = answered(site, request)
        check(answer)
        decision = SERVING.decide_alone(site, request)
        is_redirect = decision.is_lasting_redirect(site, request)
        if not is_redirect and not decision.is_lasting(site, request):
            continue
        for other in requests:
            path = request.target.partition("?")[0]
            query = other.target[other.target.find("?") :] if "?" in other.target and not is_redirect else ""
            # A request for a worker's script never takes the fast path.
            same = replace(other, target=path + query, service_worker=None)
            if same.reads:
                again = answered(site, same)
                assert (again.status, sorted(again.headers)) == (answer.status, sorted(answer.headers))


_bytes = st.binary(max_size=60) | _json.map(str.encode) | _redirects.map(str.encode)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(FILES), _bytes, max_size=3))
def test_no_bytes_in_a_rules_file_cause_a_server_error(files: dict[str, bytes]) -> None:
    try:
        place = Place({**_PAGES, **files}, rules=RuleSettings(guards=True))
    except BadRequestError:
        return
    for path in _PATHS:
        check(answered(place.site(), Request("GET", path)))
