"""The first matching line decides, and no visitor can change its target."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.rules.matching.paths import RequestPath
from easel.rules.matching.pattern import parse
from easel.rules.matching.reply_headers import HeaderTable
from easel.rules.matching.table import RedirectMatch, RedirectTable
from easel.rules.matching.visit import Visit
from easel.rules.models import Choice, RuleSettings
from easel.rules.read import read_rules


def leads(lines: str, visit: Visit, choice: Choice = "netlify") -> RedirectMatch | None:
    """Returns the result of the lines for a visit."""
    rules = read_rules({"_redirects": lines.encode()}, RuleSettings(choice, guards=True))
    assert rules is not None
    return RedirectTable(rules).find(visit)


def location(lines: str, path: str, query: str = "", choice: Choice = "netlify") -> str | None:
    """Returns the Location for a path."""
    found = leads(lines, Visit(path, query), choice)
    return None if found is None else found.to


def test_the_first_line_that_fits_answers() -> None:
    lines = "/a/* /first/:splat 302\n/a/b /second 302\n/:x/z /px/:x\n/s/z /exact"
    assert location(lines, "/a/b") == "/first/b"
    assert location(lines, "/s/z") == "/px/s"
    assert location(lines, "/q") is None


@pytest.mark.parametrize(
    ("lines", "there", "elsewhere"),
    [
        ("/* /maintenance 302!", ["/maintenance", "/maintenance/", "/maintenance/style.css"], ["/maintenances", "/a"]),
        ("/* /en/:splat 302", ["/en", "/en/", "/en/a/b"], ["/english", "/a/en", "/"]),
        ("/docs/* /docs/latest/:splat 301", ["/docs/latest", "/docs/latest/a"], ["/docs", "/docs/a", "/docs/latest.1"]),
        ("/docs/:v/* /docs/:v/new/:splat", ["/docs/2/new/a"], ["/docs/2/a", "/docs/2/newer"]),
        ("/blog/:slug/* /blog/:slug 301", ["/blog/a", "/blog/a/"], ["/blog/a/b", "/blog/a/b/c"]),
        ("/shop/* /shop/?moved=:splat 302", ["/shop", "/shop/"], ["/shop/a"]),
        ("/* / 302!", ["/"], ["/a", "/a/b"]),
        ("/p/* /p/:splat 301", ["/p", "/p/a"], []),
        ("/x/*/y /x/new-:splat 301", [], ["/x/1/y"]),
    ],
)
def test_a_request_at_the_target_of_a_star_line_is_not_redirected_again(
    lines: str, there: list[str], elsewhere: list[str]
) -> None:
    lines += "\n/maintenance/* /next 307\n/en/* /next 307"
    assert {path: location(lines, path) in (None, "/next") for path in there} == dict.fromkeys(there, True)
    assert {path: location(lines, path) in (None, "/next") for path in elsewhere} == dict.fromkeys(elsewhere, False)


def test_a_later_line_answers_at_the_target_of_a_star_line() -> None:
    assert location("/* /en/:splat 302\n/en/old /en/new", "/en/old") == "/en/new"
    assert location("/* /en/:splat 302\n/* /fallback 302", "/en/old") == "/fallback"


def test_a_parameter_that_is_sent_twice_counts_as_its_last_value() -> None:
    assert location("/a id=2 /two 302", "/a", "id=1&id=2") == "/two?id=1&id=2"
    assert location("/a id=1 /one 302", "/a", "id=1&id=2") is None
    assert location("/a/:id id=:id /x/:id?q 302", "/a/7", "id=1") == "/x/7?q"


def test_the_query_is_passed_on_unless_the_target_has_a_query() -> None:
    assert location("/a /b#part", "/a", "x=1&y=%20") == "/b?x=1&y=%20#part"
    assert location("/a /b?from=a", "/a", "x=1") == "/b?from=a"


def test_a_query_in_a_source_must_match_the_request() -> None:
    lines = "/store id=:id /blog/:id\n/?p=12 /twelve\n/search q=fixed /found"
    assert location(lines, "/store", "id=a%2Fb") == "/blog/a/b?id=a%2Fb"
    assert location(lines, "/store") is None
    assert location(lines, "/", "p=12") == "/twelve?p=12"
    assert location(lines, "/", "p=13") is None


@pytest.mark.parametrize(
    "path", ["/r//evil.example/", "/r/%2F%2Fevil.example", "/r/\\evil.example", "/r/%5Cevil.example"]
)
@pytest.mark.parametrize("choice", ["netlify", "cloudflare"])
def test_a_captured_string_never_leads_to_another_host(path: str, choice: Choice) -> None:
    found = location("/r/* /:splat 302", path, choice=choice)
    assert found is not None
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))


@given(st.text(max_size=40))
def test_a_location_contains_nothing_that_ends_a_header(text: str) -> None:
    found = location("/r/* /to/:splat?x=:splat 302", f"/r/{text}")
    assert found is None or (found.isascii() and found.isprintable() and " " not in found)


def test_a_host_of_a_target_has_only_valid_characters() -> None:
    lines = "/region/* https://:splat.example.org/ 302"
    assert location(lines, "/region/eu") == "https://eu.example.org/"
    assert location(lines, "/region/evil.test%2F") is None
    assert location(lines, "/region/user@evil") is None


def test_conditions_look_at_language_country_and_cookie() -> None:
    lines = "/x /fr 302 Language=fr\n/x /anz 302 Country=au,nz\n/x /beta 302 Cookie=is_beta\n/x /all 302"
    visits = {
        Visit("/x", accept_language="fr-CA,fr;q=0.8"): "/fr",
        Visit("/x", cookie="nf_lang=fr"): "/fr",
        Visit("/x", country="NZ"): "/anz",
        Visit("/x", cookie="a=1; is_beta=0"): "/beta",
        Visit("/x", accept_language="de"): "/all",
    }
    for visit, to in visits.items():
        found = leads(lines, visit)
        assert found is not None
        assert found.to == to


def test_thousands_of_lines_for_one_path_are_distinguished_by_their_query() -> None:
    lines = "\n".join(f"/index.php id={number} /page/{number}" for number in range(5_000))
    assert location(lines, "/index.php", "id=4321") == "/page/4321?id=4321"


def headers(text: str, path: str, choice: Choice = "netlify", host: str = "") -> dict[str, list[str] | None]:
    """Returns the headers for the response at a path."""
    rules = read_rules({"_headers": text.encode()}, RuleSettings(choice, guards=True))
    assert rules is not None
    return HeaderTable(rules).find(Visit(path, host=host))


def test_netlify_lets_the_last_block_decide() -> None:
    text = "/*\n  X-Tag: one\n/a/*\n  X-Tag: two\n/A/b.txt\n  X-Tag: three\n  X-Tag: four"
    assert headers(text, "/a/b.txt") == {"x-tag": ["three, four"]}
    assert headers(text, "/a") == {"x-tag": ["two"]}


def test_the_last_of_two_blocks_for_one_path_decides_over_all_before_it() -> None:
    assert headers("/*\n  X-A: 1\n/a\n  X-A: 2\n/*\n  X-A: 3", "/a") == {"x-a": ["3"]}


def test_cloudflare_joins_blocks_and_fills_placeholders() -> None:
    text = "/u/:id\n  X-User: :id\n/*\n  X-User: all\n  X-Gone: 1\n/u/*\n  ! X-Gone"
    assert headers(text, "/u/7", "cloudflare") == {"x-user": ["7, all"], "x-gone": None}


def test_a_block_that_removes_a_header_and_sets_it_replaces_it() -> None:
    text = "/*\n  X-A: 1\n  X-B: 1\n/a\n  X-A: 2\n  ! X-A\n/*\n  ! X-B"
    assert headers(text, "/a", "cloudflare") == {"x-a": ["2"], "x-b": None}


def test_netlify_tidies_the_commas_of_a_value_and_leaves_those_of_an_address() -> None:
    text = '/*\n  X-A: a ,b,c,  d\n  Link: </a,b>; rel=x\n  X-B: "a,b"\n  X-C: https://x.test/a,b'
    wanted = {"x-a": ["a, b, c, d"], "link": ["</a,b>; rel=x"], "x-b": ['"a,b"'], "x-c": ["https://x.test/a,b"]}
    assert headers(text, "/") == wanted
    assert headers("/*\n  X-A: a ,b,  c", "/", "cloudflare") == {"x-a": ["a ,b,  c"]}


def test_cloudflare_applies_the_escaped_spelling_of_a_path_if_both_spellings_are_listed() -> None:
    both = "/ü.txt\n  X-Letters: 1\n/%C3%BC.txt\n  X-Escapes: 1"
    assert headers(both, "/%c3%bc.txt", "cloudflare") == {"x-escapes": ["1"]}
    assert headers(both.partition("/%")[0], "/%C3%BC.txt", "cloudflare") == {"x-letters": ["1"]}
    assert headers(both, "/%C3%BC.txt") == {"x-letters": ["1"], "x-escapes": ["1"]}


def test_cookies_stay_on_lines_of_their_own() -> None:
    assert headers("/\n  Set-Cookie: a=1\n  Set-Cookie: b=2", "/") == {"set-cookie": ["a=1", "b=2"]}


def test_a_block_may_be_for_one_host() -> None:
    text = "https://:sub.example.test/*\n  X-Sub: :sub"
    assert headers(text, "/x", "cloudflare", host="app.example.test") == {"x-sub": ["app"]}
    assert headers(text, "/x", "cloudflare", host="example.test") == {}


@pytest.mark.parametrize("caught", ["x; Domain=apps.test", "a, b", "é", "a\r\nX-B: 1", "<x>", 'a"b', "'unsafe-inline'"])
def test_a_captured_string_stays_one_value(caught: str) -> None:
    text = "/u/:id\n  Set-Cookie: u=:id; Path=/\n  Link: </u/:id>; rel=canonical"
    found = headers(text, f"/u/{quote(caught)}", "cloudflare")
    escaped = quote(caught)
    assert found == {"set-cookie": [f"u={escaped}; Path=/"], "link": [f"</u/{escaped}>; rel=canonical"]}


@pytest.mark.parametrize(
    "caught", ["evil.test:443%23", "a:1%0d%0aX-B:1", "evil.test%3F", "evil.test:80", "a@evil.test", "evil.test:", "%5c"]
)
def test_a_captured_string_never_ends_a_host_name(caught: str) -> None:
    assert location("/:sub/* https://:sub.example.org/:splat 302", f"/{caught}/x") is None


def test_a_long_path_is_matched_with_two_stars_in_one_pass() -> None:
    pattern = parse("/*/b/*.js", "netlify")
    assert pattern.catch(RequestPath((*["a"] * 50, "b", *["a"] * 800, "x.js"))) == {"splat": "/".join(["a"] * 50)}
    assert pattern.catch(RequestPath(("a", "b", "js"))) is None
    assert pattern.catch(RequestPath(("a", "b", ".js"))) == {"splat": "a"}


def test_a_line_with_a_query_concerns_its_path_whatever_the_query() -> None:
    rules = read_rules({"_redirects": b"/store id=1 /one 302!"}, RuleSettings("netlify"))
    assert rules is not None
    assert RedirectTable(rules).speaks_of(Visit("/store"))


def test_a_short_request_cannot_cause_a_long_response() -> None:
    long = "a" * 16_000
    assert location(f"/r/* /x{'/:splat' * 1_000} 302", f"/r/{long}") is None
    found = leads(f"/r/* /x{'/:splat' * 1_000} 200", Visit(f"/r/{long}"))
    assert found is not None
    assert len(found.to) < 100
    many = "".join(f"/*\n  X-{number}: {':splat ' * 500}\n" for number in range(200))
    assert headers(many, f"/{long}", "cloudflare") == {}
    found_headers = headers("".join(f"/*\n  X-{number}: 1\n" for number in range(2_000)), "/x")
    assert 0 < len(found_headers) <= 200


def test_the_last_of_many_lines_that_look_alike_answers_too() -> None:
    assert location("".join(f"/*.e{number} /to/{number} 302\n" for number in range(500)), "/x.e499") == "/to/499"
    assert headers("".join(f"/*.e{number}\n  X-Of: {number}\n" for number in range(500)), "/x.e499") == {
        "x-of": ["499"]
    }


def test_an_escaped_slash_is_a_border_to_netlify_and_part_of_a_name_to_cloudflare() -> None:
    lines = "/enc/* /e/:splat 302\n/one/:name /o/:name 302\n/group%2Frepo /g 302"
    assert location(lines, "/enc/a%2Fb") == "/e/a/b"
    assert location(lines, "/one/a%2fb") is None
    assert location(lines, "/group%2Frepo") == location(lines, "/group/repo") == "/g"
    assert location("/r/* /:splat 302", "/r/%2F%2Fevil.test") == "/evil.test"
    assert location(lines, "/enc/a%2Fb", choice="cloudflare") == "/e/a%2Fb"
    assert location(lines, "/one/a%2Fb", choice="cloudflare") == "/o/a%2Fb"


@pytest.mark.parametrize(
    ("line", "path", "to"),
    [
        ("/a/:x /b/:x 301", "/a/R%26D%2f%7C|", "/b/R%26D%2F%7C|"),
        ("/a&b/:x /b/:x?y=:x 301", "/a%26b/1%2B1", "/b/1+1?y=1%2B1"),
        ("/v:n* /n/:n:splat 301", "/v2/a%40b", "/n/2/a%40b"),
        ("/a/* https://Example.com/:splat/x 301", "/a/b//", "https://example.com/b///x"),
        ("/a //example.com/x//y 301", "/a", "//example.com/x//y"),
        ("/a/* //:splat 301", "/a/evil.test", "/evil.test"),
        ("/a /b/../c/?# 301", "/a", "/c/"),
        ("/ https://example.com/index.html 301", "/", "https://example.com/index.html"),
        ("/a https://münchen.test/x 301", "/a", "https://xn--mnchen-3ya.test/x"),
    ],
)
def test_cloudflare_sends_a_target_as_a_url_spells_it(line: str, path: str, to: str) -> None:
    assert location(line, path, choice="cloudflare") == to


def test_cloudflare_passes_a_query_on_in_the_spelling_of_a_url() -> None:
    assert location("/a /b#x?y 301", "/a", "q='|", choice="cloudflare") == "/b?q=%27|#x?y"


def test_no_more_escapes_of_a_query_are_decoded_than_a_request_may_cost() -> None:
    line = "/a id=:id /b/:id 301"
    assert leads(line, Visit("/a", f"id={'%41' * 4096}")) is not None
    assert leads(line, Visit("/a", f"id={'%' * 4097}")) is None
    assert leads(line, Visit("/a", f"id=1&other={'%' * 60_000}")) is not None
