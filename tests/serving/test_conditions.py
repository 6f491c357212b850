"""Rules with conditions on a visitor's cookies and headers apply to these visitors only, in caches too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from easel.rules.errors import GuardRefusedError
from easel.rules.matching.conditions import LONGEST_MATCHED
from easel.rules.models import MOST_CONDITIONS
from easel.rules.read import read_rules
from easel.serving.chain import SERVING
from easel.serving.models import Request, Site
from tests.serving.building import Place, answered

PAGES = {"index.html": b"home", "app.js": b"app", "secret.html": b"secret"}
BETA = [{"type": "cookie", "key": "beta", "value": "(?<group>[a-c])-\\d+"}]


def site_of(**lists: Any) -> Site:
    """Returns a site with these lists in its vercel.json."""
    return Place({**PAGES, "vercel.json": json.dumps(lists).encode()}).site()


def headers_of(site: Site, request: Request) -> dict[str, str]:
    """Returns the headers of the response."""
    return {name.decode(): value.decode() for name, value in answered(site, request).headers}


def test_a_header_for_visitors_with_a_cookie_is_not_kept_for_others() -> None:
    value = [{"key": "X-Group", "value": "is :group"}]
    site = site_of(headers=[{"source": "/(.*).js", "has": BETA, "headers": value}])
    plain, beta = Request("GET", "/app.js"), Request("GET", "/app.js", cookie="a=1; beta=b-12")
    assert headers_of(site, beta)["x-group"] == "is b"
    assert "x-group" not in headers_of(site, plain)
    for request in (plain, beta):
        assert "cookie" in headers_of(site, request)["vary"].lower()
        assert not SERVING.decide_alone(site, request).is_lasting(site, request)


def test_a_redirect_for_visitors_without_a_cookie_hides_the_page_from_them_only() -> None:
    missing = [{"type": "cookie", "key": "token", "value": "[a-f0-9]{8}"}]
    site = site_of(redirects=[{"source": "/secret", "missing": missing, "destination": "/login", "permanent": True}])
    for cookie, status in ((None, 308), ("token=0123", 308), ("token=0123abcd", 200), (f"token={'a' * 9_000}", 308)):
        assert answered(site, Request("GET", "/secret", cookie=cookie)).status == status
    hidden = Request("GET", "/secret")
    assert headers_of(site, hidden)["cache-control"] == "no-store"
    assert not SERVING.decide_alone(site, hidden).is_lasting_redirect(site, hidden)


def test_a_redirect_that_depends_on_a_header_is_not_kept_for_others() -> None:
    has = [{"type": "header", "key": "Accept-Language", "value": "(?<lang>en|fr).*"}]
    site = site_of(redirects=[{"source": "/", "has": has, "destination": "/:lang/", "permanent": False}])
    assert headers_of(site, Request("GET", "/", accept_language="fr-CH, en"))["location"] == "/fr/"
    other = Request("GET", "/", accept_language="de, fr")
    assert answered(site, other).status == 200
    assert not SERVING.decide_alone(site, other).is_lasting(site, other)


def test_no_captured_text_leads_to_another_host_or_ends_a_header() -> None:
    has = [{"type": "query", "key": "to", "value": "x(?<rest>[^?]*)"}]
    site = site_of(
        redirects=[{"source": "/go", "has": has, "destination": ":rest/x"}],
        headers=[{"source": "/app.js", "has": has, "headers": [{"key": "X-A", "value": ":rest"}]}],
    )
    assert [line.text for line in read_rules({"vercel.json": json.dumps({"redirects": [
        {"source": "/go", "has": has, "destination": ":rest/x"}]}).encode()}).refused] == ["/go"]  # type: ignore[union-attr]  # fmt: skip
    assert headers_of(site, Request("GET", "/app.js?to=x%0d%0aa:b;%20c"))["x-a"] == "%0D%0Aa:b%3B%20c"
    site = site_of(redirects=[{"source": "/go", "has": has, "destination": "/:rest"}])
    for text in ("//evil.test", "/%5cevil.test", "%0d%0aa:b"):
        location = headers_of(site, Request("GET", f"/go?to=x{text}"))["location"]
        assert location.startswith("/")
        assert location[1:2] not in ("/", "\\")


def test_the_number_of_conditions_is_limited() -> None:
    redirects = [{"source": f"/a{at}", "has": BETA, "destination": "/b"} for at in range(MOST_CONDITIONS + 1)]
    rules = read_rules({"vercel.json": json.dumps({"redirects": redirects}).encode()})
    assert rules is not None
    assert [(line.line, line.reason) for line in rules.refused] == [
        (MOST_CONDITIONS + 1, f"the rules have reached the limit of {MOST_CONDITIONS} conditions.")
    ]
    missing = [{"type": "cookie", "key": "a", "value": "b"}]
    redirects[-1] = {"source": "/z", "missing": missing, "destination": "/login"}
    with pytest.raises(GuardRefusedError):
        read_rules({"vercel.json": json.dumps({"redirects": redirects}).encode()})


def test_an_expression_never_matches_a_very_long_path() -> None:
    site = site_of(redirects=[{"source": "/x/(a+b)", "destination": "/y"}])
    for length, status in ((LONGEST_MATCHED - 4, 308), (LONGEST_MATCHED, 404)):
        assert answered(site, Request("GET", f"/x/{'a' * length}b", accept="image/png")).status == status
