"""Lines in force, refused lines with their reasons, and the chosen dialect."""

from __future__ import annotations

import json

import pytest

from easel.rules.errors import GuardRefusedError, RulesFileTooLargeError
from easel.rules.files.reading import MOST_TOLD
from easel.rules.matching.table import RedirectTable
from easel.rules.matching.visit import Visit
from easel.rules.models import (
    LARGEST_FILE,
    LARGEST_SEARCHED,
    MOST_BLOCKS,
    MOST_DOUBLE,
    MOST_ODD,
    MOST_REDIRECTS,
    MOST_SEGMENTS,
    MOST_TEXT,
    Choice,
    Rules,
    RuleSettings,
)
from easel.rules.read import read_rules


def read(redirects: str = "", headers: str = "", choice: Choice = "auto", **more: object) -> Rules:
    """Returns the rules in two files."""
    files = {"_redirects": redirects.encode(), "_headers": headers.encode()}
    rules = read_rules(files, RuleSettings(choice, guards=True))
    assert rules is not None
    return rules


def refused(rules: Rules) -> dict[int, str]:
    """Returns the reason for each refused line."""
    return {line.line: line.reason for line in rules.refused}


def test_a_refused_line_is_reported_and_all_others_stay() -> None:
    rules = read("/only-from\n/ok /new 301\n/bad /new abc\n/www www.example.org\n/ext/* https://api.test/:splat 200")
    assert [line.source for line in rules.redirects] == ["/ok"]
    assert refused(rules) == {
        1: "it has no target.",
        3: "`abc` is not a valid status.",
        4: "its target begins with neither `/` nor `http://` nor `https://`.",
        5: "it would forward requests to another host, which Easel does not do. "
        "Use a redirect with status 302 instead.",
    }


@pytest.mark.parametrize(
    ("redirects", "headers"),
    [
        ("/admin/* /admin/:splat 200! Role=admin", ""),
        ("/private/* /404.html 404!", "https://x.test/*\n  X-A: 1\n"),
        ("", "/admin/*\n  Basic-Auth: me:secret"),
        ("", "Basic-Auth: me:secret"),
        ("/private/" + "x" * 9000 + " /404.html 404!", ""),
        ("/pri\x01vate/* /404.html 404!", ""),
        ("/a/b**/c /404.html 404!", ""),
    ],
)
def test_a_refused_line_that_guards_stops_the_deploy_unless_it_may_be_lost(redirects: str, headers: str) -> None:
    files = {"_redirects": redirects.encode(), "_headers": headers.encode()}
    choice: Choice = "cloudflare" if "https:" in headers else "netlify"
    with pytest.raises(GuardRefusedError) as caught:
        read_rules(files, RuleSettings(choice))
    assert caught.value.details["line"] == 1 or "Basic-Auth" in headers
    rules = read_rules(files, RuleSettings(choice, guards=True))
    assert rules is not None
    assert rules.guards_lost


def test_a_guard_after_the_last_parsed_line_stops_the_deploy() -> None:
    lines = "\n".join(f"/{number} /x" for number in range(MOST_REDIRECTS)) + "\n/private/* /404.html 404!"
    with pytest.raises(GuardRefusedError):
        read_rules({"_redirects": lines.encode()}, RuleSettings("netlify"))


@pytest.mark.parametrize(
    ("redirects", "headers", "names", "dialect"),
    [
        ("/a /b", "", frozenset(), "netlify"),
        ("/* /index.html 200", "/*\n  X-A: 1", frozenset(), "netlify"),
        ("/a /b", "/*\n  ! X-A", frozenset(), "cloudflare"),
        ("/a /b", "https://x.test/*\n  X-A: 1", frozenset(), "cloudflare"),
        ("/a /b", "/u/:id\n  Link: </:id.css>; rel=preload", frozenset(), "cloudflare"),
        ("/a /b", "", frozenset({"_worker.js"}), "cloudflare"),
        ("/a /b 301!", "/*\n  ! X-A", frozenset(), "netlify"),
        ("/a /b", "/*\n  Content-Security-Policy: img-src data: https:", frozenset(), "netlify"),
    ],
)
def test_the_files_show_their_dialect(redirects: str, headers: str, names: frozenset[str], dialect: str) -> None:
    files = {"_redirects": redirects.encode(), "_headers": headers.encode()}
    rules = read_rules(files, names=names)
    assert rules is not None
    assert rules.dialect == dialect
    assert rules.because


@pytest.mark.parametrize(
    "line",
    [
        "/a /b 302!", "/a /b 302 Language=en", "https://x.test/a /b", "  HTTP://x.test/a /b", "/a id=:id /b",
        "/* /index.html 200", "/a\t/INDEX.HTML\t200", "/a /b 404", "/a /b 410 # gone", "/a/* 200", "/a/*\t200",
    ],
)  # fmt: skip
def test_each_sign_of_netlify_counts_wherever_it_stands(line: str) -> None:
    for text in (line, f"# first\n/x /y 301\n{line}\n", f"/x /y 301\r\n{line}\r\n/z /y"):
        rules = read(text, "/*\n  ! X-A")
        assert rules.dialect == "netlify"
    assert read("# /a /b 302!\n/a /b 301", "/*\n  ! X-A").dialect == "cloudflare"


def test_an_app_with_rules_turned_off_or_without_files_has_no_rules() -> None:
    assert read_rules({"_redirects": b"/a /b"}, RuleSettings("off")) is None
    assert read_rules({}) is None


def test_rules_with_signs_of_both_dialects_are_reported() -> None:
    rules = read("/a /b 301!", "/*\n  ! X-A")
    assert [(note.file, note.line) for note in rules.notes][:1] == [("_headers", 2)]


def test_a_rule_never_changes_the_platforms_headers() -> None:
    text = "/*\n  Content-Length: 1\n  Transfer-Encoding: chunked\n  ETag: x\n  Location: /x\n  ! Server\n  X-Ok: 1"
    rules = read(headers=text, choice="cloudflare")
    assert sorted(refused(rules)) == [2, 3, 4, 5, 6]
    assert rules.headers[0].headers == (("X-Ok", "1"),)


@pytest.mark.parametrize("value", ["a\x00b", "a\x1bb", "a\x7fb"])
def test_a_control_character_reaches_no_header(value: str) -> None:
    assert not read(headers=f"/*\n  X-A: {value}").headers
    assert not read(f"/a /b{value}").redirects


def test_rule_lines_without_an_effect_are_reported() -> None:
    rules = read("/a /b\n/a /c\n/* /x 302\n/late /y\n/self /self", choice="netlify")
    told = {note.line: note.text for note in rules.notes}
    assert told[2] == "this line has no effect, because line 1 matches the same path."
    assert told[4] == "this line has no effect, because line 3 matches every path."
    shadowed = read_rules({"_redirects": b"/about /new"}, has={"about.html"}.__contains__)
    assert shadowed is not None
    assert "`about.html`" in shadowed.notes[0].text


def test_each_limit_is_enforced_with_its_own_message() -> None:
    many = "\n".join(f"/{number} /x" for number in range(MOST_REDIRECTS + 1))
    assert "the rules have reached the limit of" in refused(read(many))[MOST_REDIRECTS + 1]
    odd = "\n".join(f"/v{number}-:x /y" for number in range(MOST_ODD + 1))
    assert "within segments" in refused(read(odd))[MOST_ODD + 1]
    blocks = "\n".join(f"/{number}\n  X-A: 1" for number in range(MOST_BLOCKS + 1))
    assert len(read(headers=blocks).headers) == MOST_BLOCKS
    assert len(read("x\n" * 300_000).refused) == MOST_TOLD
    with pytest.raises(RulesFileTooLargeError):
        read("#" * (LARGEST_SEARCHED + 1))


def test_a_query_in_a_blocks_path_is_cut_off_by_cloudflare_and_refused_by_netlify() -> None:
    text = "/a.txt?x=1\n  X-A: 1"
    assert 1 in refused(read(headers=text, choice="netlify"))
    assert read(headers=text, choice="cloudflare").headers[0].path == "/a.txt"


def test_headers_below_a_refused_path_are_not_added_to_the_previous_path() -> None:
    for path in ("/" + "x" * 9_000, "/\x01", "/x**"):
        rules = read(headers=f"/a\n  X-A: 1\n{path}\n  X-B: 1")
        assert [(block.path, block.headers) for block in rules.headers] == [("/a", (("X-A", "1"),))]
        assert set(refused(rules)) == {3}


def test_a_line_that_is_not_utf_8_is_refused_and_the_others_stay() -> None:
    rules = read_rules(
        {"_redirects": b"/a /b 301\r/\xfc /x\r/c /d 301", "_headers": b"/a\n X-B: \xfc\n X-C: 1\n/\xfc\n X-D: 1"}
    )
    assert rules is not None
    assert [line.source for line in rules.redirects] == ["/a", "/c"]
    assert [(block.path, block.headers) for block in rules.headers] == [("/a", (("X-C", "1"),))]
    assert {(line.file, line.line) for line in rules.refused} == {("_redirects", 2), ("_headers", 2), ("_headers", 4)}
    assert all("not UTF-8" in line.reason for line in rules.refused)
    with pytest.raises(GuardRefusedError):
        read_rules({"_redirects": b"/priv\xe9 /404.html 404!"})
    with pytest.raises(GuardRefusedError):
        read_rules({"staticwebapp.config.json": b'{"routes": [{"route": "/\xe9", "allowedRoles": ["admin"]}]}'})


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_saved_as_utf_16_is_read(coding: str) -> None:
    lines, blocks = "/ü /x 302\r\n/a /b 302\r\n", "/*\r\n  X-A: ü\r\n"
    rules = read_rules({"_redirects": lines.encode(coding), "_headers": blocks.encode(coding)})
    assert rules is not None
    assert [line.source for line in rules.redirects] == ["/ü", "/a"]
    assert rules.headers[0].headers == (("X-A", "ü"),)
    with pytest.raises(GuardRefusedError):
        read_rules({"_headers": "/*\n  Basic-Auth: a:b\n".encode(coding)})


def test_the_first_of_a_million_lines_are_in_force_and_no_guard_is_lost() -> None:
    lines = b"/old /new 301\n" + b"#\n" * 1_050_000
    rules = read_rules({"_redirects": lines + b"/late /x\r\n"})
    assert rules is not None
    assert len(rules.redirects) == 1
    assert [line.reason for line in rules.refused] == [
        "it is after the first 2,097,152 bytes of the file, which is the limit."
    ]
    with pytest.raises(GuardRefusedError) as caught:
        read_rules({"_redirects": lines + b"/late /x\r\n/private/* /404.html 404!"})
    assert caught.value.details["line"] == 1_050_003
    with pytest.raises(GuardRefusedError):
        read_rules({"_headers": b"#" * LARGEST_FILE + b"\n/private/*\n  Basic-Auth: a:b"})


def test_a_line_must_not_contain_the_platforms_paths() -> None:
    assert 1 in refused(read("/_easel/* /x 301!"))


def test_differences_between_hosts_are_reported_once_if_no_sign_shows_the_dialect() -> None:
    lines = [f"/{n} /x" for n in range(7)] + [
        "/a/* /x 301",
        "/b",
        "/b/* /x 301",
        "/file/* /x 301",
        "/c /x 301",
        "/c/* /x 301",
    ]
    files = {"_redirects": "\n".join(lines).encode()}
    rules = read_rules(files, has={"file.html"}.__contains__)
    assert rules is not None
    assert [(note.line, note.text) for note in rules.notes] == [
        (
            1,
            "it has no status, which means 301 in Easel and 302 on Cloudflare (also in lines 2, 3, 4, 5 and 2 more). "
            "Add a status after the target.",
        ),
        (
            8,
            "a source such as `/a/*` also matches `/a` in Easel, but not on Cloudflare (also in line 10). "
            'Set `rules = "cloudflare"` to match as on Cloudflare.',
        ),
    ]
    for choice in ("netlify", "cloudflare"):
        asked = read_rules(files, RuleSettings(choice))
        assert asked is not None
        assert not [note for note in asked.notes if "Cloudflare" in note.text]


@pytest.mark.parametrize("name", ["_redirects", "_headers"])
def test_only_the_first_of_very_many_lines_are_read_and_all_are_searched_for_guards(name: str) -> None:
    lines = b"x\n" * 100_000
    rules = read_rules({name: lines}, RuleSettings("netlify"))
    assert rules is not None
    assert (len(rules.refused), rules.redirects, rules.headers) == (MOST_TOLD, (), ())
    guard = {"_redirects": b"/private/* /404.html 404!\n", "_headers": b"Basic-Auth: a:b\n"}[name]
    with pytest.raises(GuardRefusedError) as caught:
        read_rules({name: lines + guard}, RuleSettings("netlify"))
    assert caught.value.details["line"] == 100_001


def test_patterns_that_are_searched_at_many_places_are_limited() -> None:
    blocks = "".join(f"/*/a{n}/*/b\n  X-A: 1\n" for n in range(MOST_DOUBLE + 1))
    rules = read("\n".join(f"/*/a{n}/*/b /x 301" for n in range(MOST_DOUBLE + 1)), blocks, "netlify")
    assert (len(rules.redirects), len(rules.headers)) == (MOST_DOUBLE, 0)
    assert {line.reason for line in rules.refused} == {
        f"the rules have reached the limit of {MOST_DOUBLE} paths with two `*`."
    }


@pytest.mark.parametrize(
    "text",
    [
        "a." * 100_000 + "b = 1",
        '"a b".' * 20 + "c = 1",
        "# x\n" * 200_000,
        "a = " + "[" * 100_000,
        "a = {b = {" * 30_000,
    ],
)
def test_a_netlify_toml_that_takes_more_than_linear_time_is_not_parsed(text: str) -> None:
    rules = read_rules({"netlify.toml": text.encode()})
    assert rules is not None
    assert [line.reason.split(":")[0] for line in rules.refused] == ["it cannot be read"]
    with pytest.raises(GuardRefusedError):
        read_rules({"netlify.toml": f"{text}\n[[redirects]]\nforce = true\n".encode()})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/a /b\x07 301", "it contains a control character."),
        ("/a /b\x1b[31m 301", "it contains a control character."),
        ("/a\x00 /b 301", "it contains a control character."),
        (
            "/a /b 99999",
            "the status 9999 is not supported. The supported statuses are 200, 301, 302, 303, 307, 308 and 400 to 599.",
        ),
        ("/a /b 1e3", "`1e3` is not a valid status."),
        ("/" + "a/" * 70 + " /b", "its path has 70 segments; the limit is 64."),
        ("/:" + "a" * 65 + " /b", "a placeholder's name has 65 characters; the limit is 64."),
        ("/*/*/* /b", "its path has 3 `*`; the limit is two."),
        ("/%ff /b", "its path has an escape that is not UTF-8."),
        (
            "/a//b /c",
            "its source has two adjacent slashes, which never match, "
            "because Easel reduces them to one in every address.",
        ),
        ("/a?" + "&".join(f"q{n}=1" for n in range(17)) + " /b", "it has more than 16 query parameters."),
        ("/a #/b 301", "it has no target."),
        ("/a => /b 301", "its target begins with neither `/` nor `http://` nor `https://`."),
    ],
)
def test_every_fault_of_a_rule_line_has_its_own_message(line: str, reason: str) -> None:
    assert refused(read(f"# first\n{line}\n/ok /new 301", choice="netlify")) == {2: reason}


def test_a_target_never_ends_a_header() -> None:
    rules = read("/e /f%0d%0aSet-Cookie:%20x=1 301\n/s/* /:splat 301", choice="netlify")
    table = RedirectTable(rules)
    for visit in (Visit("/e"), Visit("/s/%0d%0aX:1"), Visit("/e", "a\r\nX: 1")):
        leads = table.find(visit)
        assert leads is not None
        assert leads.to.isprintable()
        assert leads.to.isascii()


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Set-Cookie: a=1; Path=/; Domain=apps.test", "other apps"),
        ("Set-Cookie: a=1;\tDOMAIN = .apps.test", "other apps"),
        ("Set-Cookie: a=1; :named", "could add an attribute"),
        ('Clear-Site-Data: "cache", "cookies"', "every app"),
        ("Clear-Site-Data: *", "every app"),
        ('Clear-Site-Data: "cook:x"', "every app"),
        ('Alt-Svc: h3=":8443"; ma=999999', "another app"),
        ('NEL: {"report_to":"a","max_age":999999}', "another app"),
        ("X-Accel-Redirect: /internal/x", "proxy"),
        ("X-Sendfile: /etc/hostname", "proxy"),
        ("X-Easel-Version: 9", "only the platform sets"),
    ],
)
@pytest.mark.parametrize("choice", ["netlify", "cloudflare"])
def test_no_header_reaches_beyond_its_app(header: str, reason: str, choice: Choice) -> None:
    rules = read(headers=f"/*\n  {header}\n  X-Kept: 1", choice=choice)
    assert [block.headers for block in rules.headers] == [(("X-Kept", "1"),)]
    assert reason in refused(rules)[2]
    name, _, value = header.partition(":")
    vercel = {"headers": [{"source": "/x", "headers": [{"key": name, "value": value}]}]}
    of_vercel = read_rules({"vercel.json": json.dumps(vercel).encode()})
    assert of_vercel is not None
    assert not of_vercel.headers


@pytest.mark.parametrize(
    "header",
    [
        "Set-Cookie: domain=1; Path=/:x; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly",
        'Clear-Site-Data: "cache", "storage"',
        "Strict-Transport-Security: max-age=1; includeSubDomains",
        "Service-Worker-Allowed: /",
    ],
)
def test_a_header_for_the_app_alone_may_be_set(header: str) -> None:
    assert not refused(read(headers=f"/:x\n  {header}", choice="cloudflare"))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("https://:x/", "the host of its target ends with a placeholder"),
        ("https://shop.test:x", "the host of its target ends with a placeholder"),
        ("https://shop.:x:80/", "the host of its target ends with a placeholder"),
        ("https://user@shop.test/", "has no valid host"),
        ("https://straße.test/", "has no valid host"),
        ("https:///x", "has no valid host"),
        ("https://shop.test:x@evil.test/", "has no valid host"),
    ],
)
def test_a_target_says_itself_to_which_host_it_leads(target: str, reason: str) -> None:
    assert reason in refused(read(f"/:x {target} 302"))[1]


@pytest.mark.parametrize("target", ["javascript:alert(1)", "there", "", "data:text/html,x", "ftp://a.test/"])
def test_rules_files_of_other_hosts_lead_only_to_addresses(target: str) -> None:
    entry = {"source": "/x", "destination": target}
    for name, file in (
        ("vercel.json", {"redirects": [entry]}),
        ("firebase.json", {"hosting": {"redirects": [entry]}}),
        ("staticwebapp.config.json", {"routes": [{"route": "/x", "redirect": target, "statusCode": 301}]}),
    ):
        rules = read_rules({name: json.dumps(file).encode()})
        assert rules is not None
        assert not [line for line in rules.redirects if line.target == target and line.redirects]


def test_a_line_that_only_adds_a_slash_is_endless_where_slashes_are_ignored() -> None:
    for choice, told in (("netlify", 1), ("cloudflare", 0)):
        notes = read("/x /x/ 301", choice=choice).notes  # type: ignore[arg-type]
        assert sum("would never end" in note.text for note in notes) == told


def test_a_line_that_steps_aside_for_every_path_of_its_source_is_noted() -> None:
    for line, told in (("/loop/* /loop/:splat 302", 1), ("/* /:splat 301", 1), ("/loop/* /loop/en/:splat 302", 0)):
        notes = read(line, choice="netlify").notes
        assert sum("has no effect, because it redirects every path to itself" in note.text for note in notes) == told


def test_a_mistyped_status_is_named_as_it_was_written() -> None:
    assert refused(read("/a /b 2OO\n/c /d 3o1", choice="netlify")) == {
        1: "`2OO` is not a valid status.",
        2: "`3o1` is not a valid status.",
    }


def test_a_refused_guard_does_not_hide_the_other_mistakes() -> None:
    text = b"/a /b 2OO\n/admin/* /admin/:splat 200! Role=admin\n/p/:id /q/:ID 301"
    with pytest.raises(GuardRefusedError) as caught:
        read_rules({"_redirects": text}, RuleSettings("netlify"))
    assert "the deploy stopped" not in caught.value.message
    assert [other.partition(":")[0] for other in caught.value.others] == [
        "`_redirects`, line 1 is refused",
        "`_redirects`, line 3",
    ]


def test_rules_that_would_cost_an_edge_memory_or_time_are_refused() -> None:
    deep = read("".join(f"/{n}/{'a/' * 60}:b /x 302\n" for n in range(2_000)))
    assert len(deep.redirects) == MOST_SEGMENTS // 62
    double = read(headers="".join(f"/*/a{n}/*\n  X-A: 1\n" for n in range(MOST_DOUBLE + 1)))
    assert len(double.headers) == MOST_DOUBLE
    odd = read(headers="".join(f"/*.{n}\n  X-A: 1\n" for n in range(MOST_ODD + 1)))
    assert len(odd.headers) == MOST_ODD
    glob = f"/{{{','.join(map(str, range(32)))}}}/**"
    entry = {"source": glob, "headers": [{"key": "X-A", "value": "a" * 7_000}]}
    routes = [
        {"source": f"/(?!{'|'.join(f'{n}a{m}/' for m in range(50))})(.*)", "destination": "/x"} for n in range(20)
    ]
    left_out = read_rules({"vercel.json": json.dumps({"redirects": routes}).encode()})
    assert left_out is not None
    assert sum(len(line.excepts) for line in left_out.redirects) <= MOST_ODD
    many = read_rules({"firebase.json": json.dumps({"hosting": {"headers": [entry] * 30}}).encode()})
    assert many is not None
    assert len(many.headers) <= MOST_TEXT // 7_000


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("/p/:id /q/:ID 301", ":ID"),
        ("/x https://example.com/:foo 301", ":foo"),
        ("/s https://x.test/:splat", ":splat"),
        ("/s /find?q=:text 301", ":text"),
        ("/p/:id /q/:idx 301", ":idx"),
        ("/p/:id /q/:id.html 301", None),
        ("/p/* /q/:splat?from=:splat 301", None),
        ("/p id=:id /q/:id 301", None),
        ("/x https://example.com:8080/a:b 301", None),
        ("/x /a::b/c:d 301", None),
        ("/x /at/:80 301", None),
        ("https://:tenant.x.test/* https://x.test/:tenant/:splat 301", None),
    ],
)
def test_a_placeholder_that_the_source_does_not_capture_is_noted(line: str, word: str | None) -> None:
    rules = read(line, choice="netlify")
    assert len(rules.redirects) == 1
    told = [note.text for note in rules.notes if "not captured" in note.text]
    assert [text.partition(" in its target")[0] for text in told] == ([f"`{word}`"] if word else [])
