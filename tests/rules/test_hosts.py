"""The rules in other hosts' configuration files have the same effect as on the host, as far as Easel's rules can
express them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from easel.rules.errors import GuardRefusedError
from easel.rules.matching.reply_headers import HeaderTable
from easel.rules.matching.table import RedirectTable
from easel.rules.matching.visit import Visit
from easel.rules.models import Rules, RuleSettings
from easel.rules.read import read_rules


def read(name: str, content: Any, *, allow_guards: bool = False) -> Rules:
    """Returns the rules of one configuration file."""
    text = content if isinstance(content, str) else json.dumps(content)
    rules = read_rules({name: text.encode()}, RuleSettings(guards=allow_guards), names=[name])
    assert rules is not None
    return rules


def answer(rules: Rules, path: str, query: str = "", **more: str) -> tuple[int, str, bool] | None:
    """Returns the status, the address, and whether the line applies before files."""
    found = RedirectTable(rules).find(Visit(path, query, **more))
    return None if found is None else (found.status, found.to, found.first)


def test_netlify_toml_comes_behind_the_lines_of_redirects() -> None:
    toml = """
[build]
publish = "dist"
[[redirects]]
from = "/a"
to = "/from-toml"
[[redirects]]
from = "/old/*"
to = "/new/:splat"
status = 302
force = true
query = {id = ":id"}
conditions = {Language = ["fr"]}
[[headers]]
for = "/*"
[headers.values]
X-Frame-Options = "DENY"
Link = ["</a.css>; rel=preload", "</b.js>; rel=preload"]
"""
    rules = read_rules({"_redirects": b"/a /from-lines", "netlify.toml": toml.encode()})
    assert rules is not None
    assert answer(rules, "/a") == (301, "/from-lines", False)
    assert answer(rules, "/old/x", "id=1", accept_language="fr") == (302, "/new/x?id=1", True)
    assert answer(rules, "/old/x", "id=1") is None
    assert HeaderTable(rules).find(Visit("/x"))["link"] == ["</a.css>; rel=preload, </b.js>; rel=preload"]


def test_vercels_redirects_go_first_and_its_rewrites_behind_files() -> None:
    rules = read(
        "vercel.json",
        {
            "cleanUrls": True,
            "redirects": [
                {"source": "/blog/:slug*", "destination": "/news/:slug*", "permanent": False},
                {"source": "/post/:id([^/]+)", "destination": "/p/:id"},
                {"source": "/old/(.*)", "destination": "/new/$1", "statusCode": 301},
                {"source": "/beta", "has": [{"type": "cookie", "key": "beta"}], "destination": "/b"},
                {"source": "/n/:id(\\d+)-:slug(\\d+.*)/:all*", "destination": "/x"},
            ],
            "rewrites": [{"source": "/((?!api/).*)", "destination": "/index.html"}],
            "headers": [{"source": "/(.*)", "headers": [{"key": "X-A", "value": "1"}]}],
        },
    )
    assert rules.pages == "auto-trailing-slash"
    assert answer(rules, "/blog/a/b") == (307, "/news/a/b", True)
    assert answer(rules, "/post/7") == (308, "/p/7", True)
    assert answer(rules, "/old/x/y") == (301, "/new/x/y", True)
    assert answer(rules, "/beta", cookie="beta=1") == (308, "/b", True)
    assert answer(rules, "/deep/route") == (200, "/index.html", False)
    assert HeaderTable(rules).find(Visit("/x/y")) == {"x-a": ["1"]}
    assert [(line.file, line.line) for line in rules.refused] == [("vercel.json redirects", 5)]


def test_vercels_conditions_are_read_as_far_as_they_map() -> None:
    host = [{"type": "host", "value": "old\\.example\\.com"}]
    rules = read(
        "vercel.json",
        {
            "trailingSlash": False,
            "redirects": [
                {"source": "/:path*", "has": host, "destination": "https://new.example.com/:path*"},
                {"source": "/p", "has": [{"type": "query", "key": "id"}], "destination": "/post/:id"},
                {"source": "/p", "has": [{"type": "query", "key": "q", "value": "(?<t>.*)"}], "destination": "/s/:t"},
                {"source": "/p", "has": [{"type": "query", "key": "v", "value": {"eq": "2"}}], "destination": "/v2"},
                {
                    "source": "/m",
                    "missing": [{"type": "cookie", "key": "seen", "value": "(a+)+"}],
                    "destination": "/hello",
                },
                {"source": "/h", "has": [{"type": "header", "key": "x-a"}], "destination": "/x"},
                {"source": "/c", "has": [{"type": "cookie", "key": "a", "value": {"gt": 1}}], "destination": "/x"},
            ],
            "headers": [
                {"source": "/(.*)", "has": host, "headers": [{"key": "X-Old", "value": "1"}]},
                {"source": "/u/:id", "headers": [{"key": "X-:id", "value": "1"}, {"key": "X-A", "value": "1"}]},
                {"source": "/q", "has": [{"type": "header", "key": "a"}], "headers": [{"key": "X-A", "value": "1"}]},
            ],
        },
        allow_guards=True,
    )
    assert rules.pages == "drop-trailing-slash"
    assert answer(rules, "/a/b", host="old.example.com") == (308, "https://new.example.com/a/b", True)
    assert answer(rules, "/a/b", host="new.example.com") is None
    assert answer(rules, "/p", "id=7") == (308, "/post/7?id=7", True)
    assert answer(rules, "/p", "q=a%20b") == (308, "/s/a%20b?q=a%20b", True)
    assert answer(rules, "/p", "v=2") == (308, "/v2?v=2", True)
    assert HeaderTable(rules).find(Visit("/x", host="old.example.com")) == {"x-old": ["1"]}
    assert HeaderTable(rules).find(Visit("/u/7")) == {"x-a": ["1"]}
    assert [(line.file.rpartition(" ")[2], line.line) for line in rules.refused] == [
        ("redirects", 5), ("redirects", 6), ("redirects", 7), ("headers", 2), ("headers", 3),
    ]  # fmt: skip
    assert rules.refused[0].reason.startswith(
        "its `missing` on `cookie seen` is not supported: its expression could be"
    )
    assert rules.refused[1].reason.startswith(
        "its `has` on `header x-a` is not supported, because Easel reads only the headers `accept`, "
    )
    assert rules.refused[2].reason.startswith("its `has` on `cookie a` is not supported: only a regular expression, ")


@pytest.mark.parametrize(
    ("source", "destination", "found"),
    [
        ("/(blog|news)/:id", "/a/:id", {"/blog/7": "/a/7", "/news/7": "/a/7", "/other/7": None}),
        ("/:lang(en|fr)/about", "/about?l=:lang", {"/fr/about": "/about?l=fr", "/de/about": None}),
        ("/:lang(en|fr)?/about", "/about", {"/fr/about": "/about", "/about": "/about", "/de/about": None}),
        ("/opt/:a?", "/o/:a", {"/opt/1": "/o/1", "/opt": "/o/", "/opt/1/2": None}),
        ("/s{/:a}?/end", "/e", {"/s/end": "/e", "/s/1/end": "/e", "/s/1/2/end": None}),
        ("/plus/:a+", "/p/:a", {"/plus/1/2": "/p/1/2", "/plus": None, "/plus/": None}),
        ("/old\\.html", "/new", {"/old.html": "/new", "/oldxhtml": None}),
        ("/(.*)\\.(jpg|png)", "/i/$1", {"/a/b.png": "/i/a/b", "/a.gif": None}),
        ("/:all*(svg|ico)", "/x", {"/a/b.svg": "/x", "/b.png": None}),
        ("/((?!api/|assets/|favicon\\.ico).*)", "/n/$1", {"/a/b": "/n/a/b", "/api/x": None, "/favicon.ico": None}),
        ("/:path((?!uk/).*)", "/uk/:path", {"/a/b": "/uk/a/b", "/uk/a": None, "/ukulele": "/uk/ukulele"}),
        ("/(?!api)(.*)", "/n", {"/a": "/n", "/api": None, "/apiary": None}),
        ("/docs/((?!v1/).*)", "/d/$1", {"/docs/a": "/d/a", "/docs/v1/a": None, "/a": None}),
        ("/((?!login$).*)", "/login", {"/a": "/login", "/login": None, "/login/x": "/login"}),
    ],
)
def test_vercels_expressions_are_read_as_far_as_patterns_express_them(
    source: str, destination: str, found: dict[str, str | None]
) -> None:
    rules = read("vercel.json", {"redirects": [{"source": source, "destination": destination}]})
    assert rules.refused == ()
    for path, to in found.items():
        answered = answer(rules, path)
        assert (answered and answered[1]) == to, path


TOO_MANY = ("/" + "(a)" * 65, "/" + "{a}" * 65, "/:a" * 65, "/((?!" + "a|" * 100 + "b).*)")


@pytest.mark.parametrize(
    "source",
    [
        *(
            "/a/:id(\\d+\\w+x)",
            "/:a(\\w+)_:b(\\w+)",
            "/v:a(\\d+)*",
            "/:a([z-a]+)",
            "/a/(?i:x)",
            "/:a--:b",
            "/(a|b(c))",
            "/((?!.*x).*)",
            "/" + "(a|aa)" * 6,
            "/x/:y(a|b)*/:z",
            "/(.*\\.js)/:rest*",
        ),
        *TOO_MANY,
    ],
)
def test_an_expression_that_no_pattern_expresses_is_refused(source: str) -> None:
    rules = read("vercel.json", {"redirects": [{"source": source, "destination": "/x"}]})
    assert (len(rules.refused), rules.redirects) == (1, ())


def test_vercels_headers_are_for_all_forms_of_their_source() -> None:
    one = [{"key": "X-A", "value": "1"}]
    headers = HeaderTable(
        read(
            "vercel.json",
            {"headers": [{"source": "/(.*).(js|css)", "headers": one}, {"source": "/((?!api/).*)", "headers": one}]},
        )
    )
    assert headers.find(Visit("/a/b.css")) == headers.find(Visit("/a")) == {"x-a": ["1"]}
    others = HeaderTable(read("vercel.json", {"headers": [{"source": "/((?!assets/).*)", "headers": one}]}))
    assert (others.find(Visit("/a")), others.find(Visit("/assets/a"))) == ({"x-a": ["1"]}, {})
    numbers = HeaderTable(read("vercel.json", {"headers": [{"source": "/:id(\\d+)", "headers": one}]}))
    assert (numbers.find(Visit("/12")), numbers.find(Visit("/a"))) == ({"x-a": ["1"]}, {})


@pytest.mark.parametrize("name", ["vercel.json", "firebase.json"])
def test_the_last_of_two_equal_headers_and_all_cookies_are_sent(name: str) -> None:
    pairs = [("Link", "a"), ("Set-Cookie", "a=1"), ("link", "b"), ("Set-Cookie", "b=2")]
    entry = {"source": "/x", "headers": [{"key": key, "value": value} for key, value in pairs]}
    rules = read(name, {"headers": [entry]} if name == "vercel.json" else {"hosting": {"headers": [entry]}})
    assert HeaderTable(rules).find(Visit("/x")) == {"link": ["b"], "set-cookie": ["a=1", "b=2"]}
    assert [note.text for note in rules.notes] == [
        "`link` occurs twice, and only the last value is used, as on that host."
    ]


def test_lists_and_multiline_texts_and_old_names_in_netlify_toml_are_read() -> None:
    toml = """
[[redirects]]
origin = "/old"
destination = "/new"
params = {id = ":id"}
conditions = {language = "en, de"}
[[headers]]
for = "/*"
[headers.values]
Set-Cookie = ["a=1; Path=/", "b=2"]
Cache-Control = '''
max-age=0,
no-cache'''
"""
    rules = read("netlify.toml", toml)
    assert rules.refused == ()
    assert answer(rules, "/old", "id=7", accept_language="de") == (301, "/new?id=7", False)
    assert HeaderTable(rules).find(Visit("/")) == {
        "set-cookie": ["a=1; Path=/", "b=2"],
        "cache-control": ["max-age=0, no-cache"],
    }


def test_firebases_globs_are_read() -> None:
    hosting = {
        "public": "dist",
        "trailingSlash": True,
        "cleanUrls": True,
        "redirects": [{"source": "/foo{,/**}", "destination": "/bar", "type": 302}],
        "rewrites": [{"source": "/fn", "function": "app"}, {"source": "**", "destination": "/index.html"}],
        "headers": [{"source": "**/*.@(js|css)", "headers": [{"key": "X-A", "value": "1"}]}],
    }
    rules = read("firebase.json", {"hosting": hosting})
    assert rules.pages == "force-trailing-slash"
    assert answer(rules, "/foo/x") == answer(rules, "/foo") == (302, "/bar", True)
    assert answer(rules, "/any/thing") == (200, "/index.html", False)
    headers = HeaderTable(rules)
    assert headers.find(Visit("/app.js")) == headers.find(Visit("/a/b.css")) == {"x-a": ["1"]}
    assert headers.find(Visit("/a.png")) == {}
    assert [line.reason for line in rules.refused] == ["it leads to a function or a service, not to a page."]


def test_a_range_of_characters_in_the_wrong_order_is_refused() -> None:
    redirects = [{"source": "/x[c-a]", "destination": "/", "type": 301}]
    (line,) = read("firebase.json", {"hosting": {"redirects": redirects}}).refused
    assert line.reason == "its source has a range of characters in the wrong order."


def test_paths_that_firebases_globs_exclude_are_excluded() -> None:
    rewrites = [{"source": "!/@(js|css)/**", "destination": "/index.html"}]
    rules = read("firebase.json", {"hosting": {"rewrites": rewrites, "i18n": {"root": "/localized"}}})
    assert answer(rules, "/any/thing") == (200, "/index.html", False)
    assert answer(rules, "/js/x") is None
    assert [line.text for line in rules.refused] == ["i18n"]


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        ("^/news/(\\d+)/?$", {"/news/12": "/n/12", "/news/x": None, "/news": None}),
        ("^/news/(\\d{2}|x)$", {"/news/12": "/n/12", "/news/x": "/n/x", "/news/1": None}),
        ("^/(?P<year>[0-9]{4})-\\d+$", {"/2024-1": "/n/2024", "/24-1": None, "/2024-x": None}),
        ("^/pre/(\\w+)", {"/pre/a-b": "/n/a", "/pre/a/b": "/n/a", "/pre/": None}),
        ("^/pre/", {"/pre/a/b": "/n/:1", "/preface": None}),
        ("^/a/(.*)\\.html$", {"/a/b/c.html": "/n/b/c", "/a/b": None}),
        ("/news/(\\d+)$", {"/news/1": "/n/1", "/a/news/1": "/n/1", "/news/1/": "/n/1", "/news/1x": None}),
        ("\\.(jpg|png)$", {"/a/b.png": "/n/png", "/a.png/b": None}),
        ("^/(a|(b))$", {"/a": "/n/a", "/b": "/n/b", "/c": None}),
        ("(\\d+)/x", {}),
        ("^/a|/b$", {}),
        ("^/(.*)/(.*)$", {}),
    ],
)
def test_firebases_regular_expressions_are_read_or_refused(regex: str, found: dict[str, str | None]) -> None:
    names = ":year" if "year" in regex else ":1"
    redirects = [{"regex": regex, "destination": f"/n/{names}", "type": 301}]
    rules = read("firebase.json", {"hosting": {"redirects": redirects}})
    assert bool(rules.refused) == (not found)
    for path, to in found.items():
        answered = answer(rules, path)
        assert (answered and answered[1]) == to, path


@pytest.mark.parametrize(
    ("routes", "guards"),
    [
        ([{"route": "/a/*/*/*/c", "statusCode": 404}], True),
        ([{"route": "/a", "statusCode": 403, "headers": {"X": "y" * 9_000}}], True),
        ([{"route": "/a", "allowedRoles": ["admin"], "methods": ["GET", "POST"]}], True),
        ([{"route": "/a", "allowedRoles": ["admin"], "methods": ["POST"]}], False),
        ([{"route": "/a", "rewrite": "/.auth/login/aad"}], False),
    ],
)
def test_only_a_route_that_hides_what_easel_would_serve_stops_the_deploy(routes: list[Any], guards: bool) -> None:
    rules = read("staticwebapp.config.json", {"routes": routes}, allow_guards=True)
    assert [line.guards for line in rules.refused] == [guards]


@pytest.mark.parametrize(
    ("name", "text", "guards"),
    [
        ("staticwebapp.config.json", '{"routes": [{"route": "/a", "allowedRoles": ["admin"]}]}', True),
        ("staticwebapp.config.json", '{"routes": [{"route": "/a", "allowedRoles": [ "anonymous" ]}]}', False),
        ("vercel.json", '{"routes": [{"src": "/a", "status": 403}]}', True),
        ("vercel.json", '{"redirects": []}', False),
        ("netlify.toml", '[[redirects]]\nfrom = "/a"\nto = "/b"\nconditions = {Role = ["admin"]}', True),
    ],
)
def test_a_guard_in_a_file_that_is_ignored_stops_the_deploy(name: str, text: str, guards: bool) -> None:
    files = {"_redirects": b"/x /y", name: text.encode()}
    rules = read_rules(files, RuleSettings("cloudflare", guards=True), names=list(files))
    assert rules is not None
    assert [line.file for line in rules.guards_lost] == [name] * guards
    assert [note.file for note in rules.notes] == [name] * (not guards)


def test_a_redirect_for_visitors_without_a_token_guards() -> None:
    missing = [{"type": "cookie", "key": "token", "value": "([a-f0-9]+)*"}]
    redirects = [{"source": "/private/(.*)", "missing": missing, "destination": "/login", "permanent": False}]
    with pytest.raises(GuardRefusedError, match=r"`vercel.json`, entry 1 of `redirects`"):
        read("vercel.json", {"redirects": redirects})
    header = [{"type": "header", "key": "x-preview"}]
    assert not read("vercel.json", {"redirects": [{**redirects[0], "missing": header}]}).guards_lost


def test_a_file_that_firebase_leaves_out_is_named() -> None:
    ignore = ["firebase.json", "**/.*", "**/node_modules/**", "drafts/**"]
    (note,) = read("firebase.json", {"hosting": {"ignore": ignore}}).notes
    assert "`drafts/**`" in note.text


def test_a_thousand_azure_routes_are_read() -> None:
    routes = [{"route": f"/a{number}/*", "headers": {"X-A": str(number)}} for number in range(1_000)]
    routes.append({"route": "/*", "headers": {"X-A": "other"}})
    rules = read("staticwebapp.config.json", {"routes": routes})
    assert rules.refused == ()
    assert [note.text for note in rules.notes] == [
        "it also applies to paths of earlier routes, because there are too many earlier routes."
    ]


def test_paths_that_azures_fallback_excludes_are_excluded() -> None:
    exclude = ["/images/*.{png,jpg}", "/css/*", "*.{svg}", "/a/*/b/*/c*"]
    rules = read(
        "staticwebapp.config.json",
        {
            "navigationFallback": {"rewrite": "index.html", "exclude": exclude},
            "responseOverrides": {"404": {"redirect": "/", "statusCode": 302}},
        },
    )
    assert answer(rules, "/deep") == answer(rules, "/images/deep") == (200, "/index.html", False)
    for path in ("/images/a.png", "/css/x/y", "/a/b.svg"):
        assert answer(rules, path) == (302, "/", False)
    assert [note.text.partition(":")[0] for note in rules.notes] == [
        "the rule also applies to `/a/*/b/*/c*`, because this exclusion is not supported"
    ]


def test_azures_routes_are_read() -> None:
    rules = read(
        "staticwebapp.config.json",
        {
            "routes": [
                {"route": "/old", "redirect": "/new", "statusCode": 301},
                {"route": "/images/*.{png,gif}", "headers": {"Cache-Control": "max-age=9"}},
                {"route": "/secret/*", "statusCode": 404},
            ],
            "navigationFallback": {"rewrite": "/index.html", "exclude": ["/images/*"]},
            "globalHeaders": {"X-A": "1"},
            "mimeTypes": {".xyz": "text/x"},
        },
    )
    assert answer(rules, "/old") == (301, "/new", True)
    assert answer(rules, "/secret/a") == (404, "/404.html", True)
    assert answer(rules, "/deep") == (200, "/index.html", False)
    assert HeaderTable(rules).find(Visit("/images/a.png")) == {"x-a": ["1"], "cache-control": ["max-age=9"]}
    assert HeaderTable(rules).find(Visit("/a.xyz")) == {"x-a": ["1"], "content-type": ["text/x"]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("staticwebapp.config.json", {"routes": [{"route": "/admin/*", "allowedRoles": ["administrator"]}]}),
        ("staticwebapp.config.json", '{"routes": [{"route": 7}, {"route":'),
        ("staticwebapp.config.json", {"networking": {"allowedIpRanges": ["10.0.0.0/8"]}}),
        ("staticwebapp.config.json", {"forwardingGateway": {"requiredHeaders": {"X-Id": "1"}}}),
        ("netlify.toml", '[[redirects]]\nfrom = "/a/*"\nto = "/b"\nconditions = {Role = ["admin"]}'),
        ("netlify.toml", '[[headers]]\nfor = "/a/*"\n[headers.values]\nBasic-Auth = "me:secret"'),
        ("vercel.json", {"routes": [{"src": "/admin/.*", "mitigate": {"action": "deny"}}]}),
    ],
)
def test_a_route_for_roles_stops_the_deploy(name: str, content: Any) -> None:
    with pytest.raises(GuardRefusedError):
        read(name, content)
    assert read(name, content, allow_guards=True).guards_lost


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vercel.json", "{"),
        ("vercel.json", '{"redirects": {"a": 1}}'),
        ("firebase.json", "[" * 100_000),
        ("firebase.json", '{"hosting": [{}, {}]}'),
        ("netlify.toml", "[[redirects]\n"),
    ],
)
def test_an_unreadable_file_is_reported(name: str, text: str) -> None:
    rules = read(name, text)
    assert [line.file for line in rules.refused] == [name]
    assert not rules.redirects


def test_a_second_hosts_file_is_named_and_not_read() -> None:
    rules = read_rules(
        {"_redirects": b"/a /b 301", "vercel.json": b'{"redirects":[{"source":"/x","destination":"/y"}]}'}
    )
    assert rules is not None
    assert answer(rules, "/x") is None
    assert [note.file for note in rules.notes] == ["vercel.json"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wrangler.toml", '[assets]\ndirectory = "dist"\nhtml_handling = "none"\nnot_found_handling = "404-page"\n'),
        (
            "wrangler.jsonc",
            '{\n  // "assets": {},\n  "assets": { /* } */ "html_handling": "none",\n  "binding": "a//b,]",'
            ' "not_found_handling": "404-page", },\n}',
        ),
        ("wrangler.json", '{"assets": {"html_handling": "none", "not_found_handling": "404-page"}}'),
    ],
)
def test_wranglers_file_says_how_pages_are_found(name: str, text: str) -> None:
    rules = read(name, text)
    assert (rules.dialect, rules.pages, rules.not_found, rules.refused) == ("cloudflare", "none", "404-page", ())
    asked = read_rules({name: text.encode()}, RuleSettings(pages="force-trailing-slash"), names=[name])
    assert asked is not None
    assert (asked.pages, asked.not_found) == ("force-trailing-slash", "404-page")


def test_a_wrangler_file_without_a_site_changes_nothing() -> None:
    files = {"wrangler.toml": b'name = "worker"\nmain = "src/index.ts"'}
    assert read_rules(files, names=["wrangler.toml"]) is None
    rules = read_rules({**files, "_redirects": b"/a /b"}, names=["wrangler.toml", "_redirects"])
    assert rules is not None
    assert (rules.dialect, rules.redirects[0].status) == ("cloudflare", 302)


@pytest.mark.parametrize(
    "text", ['{"assets": {"html_handling": "sometimes"}}', '{"assets": [', "/* " * 100_000, "[" * 9_999]
)
def test_a_wrangler_file_that_cannot_be_read_is_named(text: str) -> None:
    rules = read_rules({"wrangler.jsonc": text.encode()}, names=["wrangler.jsonc"])
    assert rules is not None
    assert [line.file for line in rules.refused] == ["wrangler.jsonc"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("0x" + "f" * 5_000, "line 5 has a number of more than 3000 digits"),
        ("0b" + "1" * 20_000, "line 5 has a number of more than 3000 digits"),
        ("0x" + "f" * 2_000, "a status of more than four digits is not supported."),
        ("9" * 4_200, "a status of more than four digits is not supported."),
    ],
)
def test_an_overlong_status_in_a_rule_is_refused_with_a_message(number: str, reason: str) -> None:
    toml = f'\n[[redirects]]\nfrom = "/a"\nto = "/b"\nstatus = {number}\n'
    (refused,) = read("netlify.toml", toml).refused
    assert reason in refused.reason
    assert len(refused.reason) < 200
