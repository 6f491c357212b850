"""The file that answers each address."""

from __future__ import annotations

import json
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from easel.bundles.one_page import of_manifest
from easel.rules.models import Dialect, RuleSettings
from easel.serving.chain import SERVING, Undecided
from easel.serving.models import File, FixedAnswer, Request
from easel.serving.plain_answers import IMMUTABLE, REVALIDATE
from easel.serving.runtime import RUNTIME_PATH
from easel.serving.stage import EarlierFile
from tests.serving.building import Place, answered, fields, navigate, resolve

PAGES = {
    "index.html": b'<!doctype html><script src="/app.js"></script>',
    "about.html": b"about",
    "docs/index.html": b"docs",
    "docs/guide.html": b"guide",
    "both.html": b"page",
    "both/index.html": b"folder",
    "blog/first/index.html": b"first",
    "app.js": b"js",
    "assets/index-BK2dF_3s.js": b"js",
    "notes/hêtre.html": b"tree",
    "a b.txt": b"space",
    "_headers": b"rules",
    "_redirects": b"rules",
    "sub/_redirects": b"just a file",
    "api/data.json": b"data",
    "_easel/data.json": b"never",
    ".well-known/security.txt": b"contact",
}
SITE = Place(PAGES).site()


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "index.html"),
        ("/?a=1", "index.html"),
        ("/index.html", "index.html"),
        ("/app.js", "app.js"),
        ("/app.js?v=2", "app.js"),
        ("/about", "about.html"),
        ("/about.html", "about.html"),
        ("/docs/", "docs/index.html"),
        ("/docs/guide", "docs/guide.html"),
        ("/blog/first/", "blog/first/index.html"),
        ("/%61bout", "about.html"),
        ("/a%20b.txt", "a b.txt"),
        ("/notes/h%C3%AAtre", "notes/hêtre.html"),
        ("/notes/he%CC%82tre", "notes/hêtre.html"),
        ("/.well-known/security.txt", ".well-known/security.txt"),
        ("/sub/_redirects", "sub/_redirects"),
    ],
)
def test_each_address_leads_to_its_file(target: str, path: str) -> None:
    found = navigate(SITE, target)
    assert isinstance(found, File)
    assert (found.path, found.status) == (path, 200)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/docs", "/docs/"),
        ("/docs?page=2&q=a%20b", "/docs/?page=2&q=a%20b"),
        ("/both", "/both/"),
        ("/about/", "/about"),
        ("/blog/first", "/blog/first/"),
        ('/docs?"<x>', "/docs/?%22%3Cx%3E"),
    ],
)
def test_an_address_without_its_slash_is_redirected_to_the_one_address_of_the_page(target: str, location: str) -> None:
    found = navigate(SITE, target)
    assert isinstance(found, FixedAnswer)
    assert (found.status, found.location) == (308, location)


@pytest.mark.parametrize("target", ["//evil.example", "//evil.example/", "//evil.example/docs", "/\\evil.example"])
def test_no_address_redirects_to_another_host(target: str) -> None:
    files = {**PAGES, "evil.example/index.html": b"x", "evil.example/docs/index.html": b"x"}
    found = navigate(Place(files).site(), target)
    location = found.location if isinstance(found, FixedAnswer) else None
    assert location is None or (location.startswith("/") and not location.startswith("//"))


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/%2e%2e/secret", 400),
        ("/docs/../app.js", 400),
        ("/docs//../app.js", 400),
        ("/docs/./guide", 400),
        ("/a%2Fb/../guide", 400),
        ("*", 400),
    ],
)
def test_a_path_that_leaves_the_site_is_refused_in_the_envelope(target: str, status: int) -> None:
    found = navigate(SITE, target)
    assert isinstance(found, FixedAnswer)
    assert found.status == status
    assert json.loads(found.body)["error"]["code"] == "path_invalid"


@pytest.mark.parametrize("dialect", ["netlify", "cloudflare"])
@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/docs/../app.js", "app.js"),
        ("/docs/./app.js/../../app.js", "app.js"),
        ("/docs/%2e%2E/app.js", "app.js"),
        ("/../../app.js", "app.js"),
        ("/docs/.", "docs/index.html"),
        ("/about/..", "index.html"),
        ("/old/../new", "about.html"),
    ],
)
def test_an_app_that_follows_a_hosts_rules_has_dots_resolved_as_on_that_host(
    dialect: Dialect, target: str, path: str
) -> None:
    found = navigate(Place({**PAGES, "_redirects": b"/new /about 200"}, rules=RuleSettings(dialect)).site(), target)
    assert isinstance(found, File)
    assert found.path == path


def test_netlify_uses_the_roots_404_page_and_cloudflare_the_nearest() -> None:
    files = {**PAGES, "404.html": b"root", "docs/404.html": b"docs"}
    wanted = {"netlify": "404.html", "cloudflare": "docs/404.html"}
    for dialect, path in wanted.items():
        rules = RuleSettings(dialect, not_found="404-page")  # type: ignore[arg-type]
        found = navigate(Place({**files, "_redirects": b"/docs/r /none 200"}, rules=rules).site(), "/docs/gone")
        led = navigate(Place({**files, "_redirects": b"/docs/r /none 200"}, rules=rules).site(), "/docs/r")
        assert isinstance(found, File)
        assert isinstance(led, File)
        assert (found.path, led.path, led.status) == (path, path, 404)


@pytest.mark.parametrize("target", ["/x/../_easel/data.json", "/%2e/_easel/data.json"])
def test_dot_segments_never_lead_to_a_path_of_the_platform(target: str) -> None:
    found = navigate(Place({**PAGES, "_easel/data.json": b"{}"}, rules=RuleSettings("netlify")).site(), target)
    assert isinstance(found, FixedAnswer)
    assert json.loads(found.body)["error"]["code"] == "platform_path"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/docs%2Findex.html", "/docs/"),
        ("/docs%2f", "/docs/"),
        ("/about%2F?x=1", "/about?x=1"),
        ("/%2Fevil.example", None),
        ("/docs%2F..%2Fabout", None),
        ("/_headers%2F", None),
    ],
)
def test_escaped_slashes_move_to_the_page_where_cloudflares_way_was_asked_for(
    target: str, location: str | None
) -> None:
    files = {**PAGES, "_headers": b"/*\n  X-A: 1"}
    found = navigate(Place(files, rules=RuleSettings("cloudflare")).site(), target)
    assert (found.location if isinstance(found, FixedAnswer) else None) == location


@pytest.mark.parametrize(
    "target",
    [
        "/projects/group%2Frepo",
        "/docs%2fguide",
        "/docs%5cguide",
        "/docs\\guide",
        "/app.js%00",
        "/%ff",
        "/caf%e9",
        "/%2F",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e%2fapp.js",
    ],
)
def test_an_address_that_cannot_name_a_file_belongs_to_the_apps_router(target: str) -> None:
    page, data = navigate(SITE, target), resolve(SITE, Request("GET", target, accept="*/*", fetch_dest="empty"))
    assert isinstance(page, File)
    assert page.path == "index.html"
    assert isinstance(data, FixedAnswer)
    assert data.status == 404


def test_the_platforms_paths_with_an_encoded_slash_stay_reserved() -> None:
    for target in ("/_easel/a%2Fb", "//_easel/x", "/%5Feasel/%ff"):
        found = navigate(SITE, target)
        assert isinstance(found, FixedAnswer)
        assert json.loads(found.body)["error"]["code"] == "platform_path"


@pytest.mark.parametrize("target", ["/docs//guide", "//docs/guide", "/docs///guide.html", "//docs//guide"])
def test_several_slashes_are_one(target: str) -> None:
    found = navigate(SITE, target)
    assert isinstance(found, File)
    assert (found.path, found.status) == ("docs/guide.html", 200)


def test_a_path_in_utf_8_that_is_not_escaped_names_its_file() -> None:
    found = navigate(SITE, "/notes/hêtre".encode().decode("latin-1"))
    assert isinstance(found, File)
    assert found.path == "notes/hêtre.html"


def test_encoding_is_undone_once_only() -> None:
    found = navigate(SITE, "/%252e%252e/docs/")
    assert isinstance(found, File)
    assert found.path == "index.html"


@pytest.mark.parametrize("rest", ["", "/", "/data.json", "/deep/er?x=1"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
def test_the_platforms_paths_never_lead_to_a_file_or_the_fallback(rest: str, method: str) -> None:
    site = Place({"index.html": b"home", "_easel/data.json": b"{}", "_easel/index.html": b"x"}).site()
    found = resolve(site, Request(method, f"/_easel{rest}", accept="text/html"))
    assert isinstance(found, FixedAnswer)
    assert found.status == 404
    body = json.loads(found.body)
    assert body["success"] is False
    assert body["error"]["code"] == "platform_path"
    assert body["error"]["type"] == "PlatformPathError"


@pytest.mark.parametrize("folder", ["api", "_api", "_auth", "functions"])
def test_an_apps_own_files_are_served_where_the_platform_has_no_path(folder: str) -> None:
    files = {"index.html": PAGES["index.html"], f"{folder}/index.html": b"x", f"{folder}/posts.json": b"[]"}
    site = Place(files).site()
    page, data = (navigate(site, f"/{folder}/{name}") for name in ("", "posts.json"))
    assert isinstance(page, File)
    assert isinstance(data, File)
    assert (page.path, data.path) == (f"{folder}/index.html", f"{folder}/posts.json")
    bare, route = navigate(site, f"/{folder}"), navigate(site, f"/{folder}/of/the/app")
    assert isinstance(bare, FixedAnswer)
    assert bare.location == f"/{folder}/"
    assert isinstance(route, File)
    assert route.path == "index.html"
    for method, accept, fetch_dest in (("GET", "*/*", "empty"), ("GET", None, None), ("POST", "*/*", None)):
        found = resolve(site, Request(method, f"/{folder}/users", accept=accept, fetch_dest=fetch_dest))
        assert isinstance(found, FixedAnswer)
        assert (found.status, json.loads(found.body)["error"]["code"]) == (404, "platform_path")
    posted = resolve(site, Request("POST", f"/{folder}/posts.json"))
    assert isinstance(posted, FixedAnswer)
    assert posted.status == 405


@pytest.mark.parametrize("name", ["/_headers", "/_redirects", "/%5Fredirects"])
def test_rules_files_are_never_served(name: str) -> None:
    found = navigate(SITE, name)
    assert isinstance(found, FixedAnswer)
    assert found.status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("target", ["/", "/app.js", "/nothing/here"])
def test_files_can_only_be_read(method: str, target: str) -> None:
    answer = answered(SITE, Request(method, target, fetch_dest="empty", fetch_mode="cors"))
    assert (answer.status, fields(answer)["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/", "/"),
        ("/about?paid=1&q=a%20b", "/about?paid=1&q=a%20b"),
        ("/docs", "/docs"),
        ("/orders/42", "/orders/42"),
        ("/api/done", "/api/done"),
        ("/group%2Frepo/caf%e9", "/group%2Frepo/caf%e9"),
        ("//evil.example/x", "/evil.example/x"),
        ("/\\evil.example", "/%5Cevil.example"),
        ("/h\xeatre", "/h%EAtre"),
    ],
)
def test_a_person_who_returns_from_a_form_or_a_payment_is_redirected_to_the_page(target: str, location: str) -> None:
    for request in (
        Request("POST", target, accept="text/html,*/*;q=0.8", fetch_dest="document", fetch_mode="navigate"),
        Request("POST", target, accept="text/html,*/*;q=0.8"),
    ):
        answer = answered(SITE, request)
        assert (answer.status, fields(answer)["location"]) == (303, location)
    for accept, mode in (("*/*", "cors"), ("text/html", "cors"), ("*/*", None), (None, None)):
        program = answered(SITE, Request("POST", target, accept=accept, fetch_mode=mode))
        assert program.status in (404, 405)


@pytest.mark.parametrize("target", ["/users/42", "/deep/link?tab=1", "/@jane.doe", "/v1.2", "/settings/", "/caf%C3%A9"])
def test_a_navigation_to_an_unknown_address_gets_the_apps_own_page(target: str) -> None:
    found = navigate(SITE, target)
    assert isinstance(found, File)
    assert (found.path, found.status, found.cache_control) == ("index.html", 200, REVALIDATE)


def test_an_app_with_a_404_page_answers_navigations_with_it_and_404() -> None:
    found = navigate(Place({**PAGES, "404.html": b"gone"}).site(), "/users/42")
    assert isinstance(found, File)
    assert (found.path, found.status, found.cache_control) == ("404.html", 404, REVALIDATE)


SUFFIXED = (
    *("/users/jane@example.ai", "/users/jane@example.me", "/packages/chart.js", "/repo/src/main.py", "/repo/README.md"),
    *(
        "/versions/1.2.3",
        "/ip/10.75.35.6",
        "/files/photo.JPG",
        "/domains/site.zip",
        "/assets/old-1a2b3c4d.css",
        "/a.json",
    ),
)


@pytest.mark.parametrize("target", SUFFIXED)
@pytest.mark.parametrize(
    "said",
    [
        {"fetch_mode": "navigate", "fetch_dest": "document"},
        {"fetch_mode": "navigate", "fetch_dest": "iframe"},
        {"fetch_mode": "navigate"},
        {"fetch_dest": "document"},
    ],
)
def test_a_browser_that_navigates_gets_the_app_whatever_the_address_ends_in(target: str, said: dict[str, str]) -> None:
    for method in ("GET", "HEAD"):
        found = resolve(SITE, Request(method, target, accept="text/html,*/*;q=0.8", **said))
        assert isinstance(found, File)
        assert (found.path, found.status) == ("index.html", 200)


@pytest.mark.parametrize("target", [*SUFFIXED, "/users/42", "/chunk%2Fa"])
@pytest.mark.parametrize(
    ("mode", "dest"),
    [
        *(("no-cors", dest) for dest in ("script", "style", "image", "font", "audio", "video", "track", "empty")),
        *(("cors", dest) for dest in ("script", "font", "empty", "manifest", "worker")),
        *(("same-origin", "worker"), ("same-origin", "empty"), ("cors", None), ("websocket", None), (None, "script")),
    ],
)
def test_a_missing_resource_of_a_page_never_gets_a_page(target: str, mode: str | None, dest: str | None) -> None:
    site = Place({"app.html": b"x", "200.html": b"app", "404.html": b"gone"}).site()
    answer = answered(site, Request("GET", target, accept="text/html,*/*", fetch_mode=mode, fetch_dest=dest))
    told = fields(answer)
    assert (answer.status, told["cache-control"], told["content-type"]) == (
        404,
        REVALIDATE,
        "text/plain; charset=utf-8",
    )
    assert told["vary"] == "Accept, Sec-Fetch-Dest, Sec-Fetch-Mode"


def test_an_object_or_embed_element_gets_a_page_only_where_it_may_expect_one() -> None:
    for dest in ("object", "embed"):
        image, page = (
            resolve(SITE, Request("GET", target, accept="text/html,*/*", fetch_mode="navigate", fetch_dest=dest))
            for target in ("/chart.svg", "/widgets/7")
        )
        assert isinstance(image, FixedAnswer)
        assert isinstance(page, File)


@pytest.mark.parametrize(
    ("files", "target", "path", "status"),
    [
        (("index.html", "200.html", "404.html"), "/x/y", "200.html", 200),
        (("index.html", "__spa-fallback.html", "404.html"), "/x/y", "__spa-fallback.html", 200),
        (("index.html", "_shell.html", "404.html"), "/x/y", "_shell.html", 200),
        (("index.html", "index.csr.html", "about/index.html"), "/x/y", "index.csr.html", 200),
        (("index.html", "about.html", "+not-found.html"), "/x/y", "+not-found.html", 404),
        (("index.html", "about/index.html", "404/index.html"), "/x/y", "404/index.html", 404),
        (("index.html", "404.html", "+not-found.html", "404/index.html"), "/x/y", "404.html", 404),
        (("200.html", "__spa-fallback.html", "_shell.html"), "/x/y", "200.html", 200),
        (("__spa-fallback.html", "_shell.html"), "/x", "__spa-fallback.html", 200),
        (("index.html", "404.html", "de/404.html"), "/x/y", "404.html", 404),
        (("index.html", "404.html", "de/404.html"), "/de/x/y", "de/404.html", 404),
        (("index.html", "404.html", "de/404.html"), "/de/", "de/404.html", 404),
        (("index.html", "404.html", "de/404.html"), "/de", "404.html", 404),
        (("index.html", "404.html", "de/404.html", "de/a/404.html"), "/de/a/b", "de/a/404.html", 404),
        (("index.html", "404.html", "de/404.html"), "/deep/de/x", "404.html", 404),
        (("plot.html", "404.html"), "/x/y", "404.html", 404),
        (("plot.html",), "/x/y", "plot.html", 200),
        (("html/index/index.html",), "/x/y", "html/index/index.html", 200),
        (("index.html",), "/x/y", "index.html", 200),
    ],
)
def test_the_page_that_answers_for_all_others_is_the_builds_own(
    files: tuple[str, ...], target: str, path: str, status: int
) -> None:
    site = Place({name: name.encode() for name in files}).site()
    answer, found = answered(site, Request("GET", target, accept="text/html")), navigate(site, target)
    assert isinstance(found, File)
    assert (found.path, found.status, found.cache_control) == (path, status, REVALIDATE)
    assert fields(answer)["vary"] == "Accept-Encoding, Accept, Sec-Fetch-Dest, Sec-Fetch-Mode"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        (("plot.html", "data.json"), "plot.html"),
        (("Report 2026.HTML", "404.html"), "Report 2026.HTML"),
        (("_shell.html", "about.html"), "_shell.html"),
        (("__spa-fallback.html", "_shell.html"), "__spa-fallback.html"),
        (("200.html", "404.html", "a/index.html"), "200.html"),
        (("index.html", "200.html"), "index.html"),
        (("html/index/index.html", "html/admin/index.html"), "html/index/index.html"),
    ],
)
def test_the_address_of_the_app_leads_to_its_entry_page_whatever_that_is_called(
    files: tuple[str, ...], path: str
) -> None:
    site = Place(dict.fromkeys(files, b"x")).site()
    for request in (
        Request("GET", "/"),
        Request("HEAD", "/?a=1", fetch_mode="cors"),
        Request("GET", f"/{quote(path)}"),
    ):
        found = resolve(site, request)
        assert isinstance(found, File)
        assert (found.path, found.status, found.varies) == (path, 200, ())


@pytest.mark.parametrize(
    ("page", "others", "is_app"),
    [
        (b"<!doctype html><script src=./a.js></script>", (), True),
        (b"<!doctype html><script src=./a.js></script>", ("about.html",), False),
        (b"<!doctype html><script src=a.js></script>", ("docs/index.html",), False),
        (b"<!doctype html>no scripts", ("about.htm",), False),
        (b"<!doctype html><script type=module src=/a.js></script>", ("about.html",), True),
        (b'<head><base href="/"><script src="main.js"></script>', ("offline.html",), True),
        (b'<head><base href="./"><script src="main.js"></script>', ("offline.html",), False),
        (b"<script src=/a.js></script><script src=b.js></script>", ("about.html",), False),
        (b"<script src=https://cdn.example/a.js></script>", ("about.html",), False),
        (b"<script src=//cdn.example/a.js></script><script>1</script>", ("about.html",), False),
        (b"<!-- <script src=a.js></script> --><script src=/a.js></script>", ("about.html",), True),
        (b"<script>'<script src=a.js>'</script><SCRIPT SRC = '/a.js'></SCRIPT>", ("about.html",), True),
        (b"<title><script src=/a.js></title>", ("about.html",), False),
    ],
)
def test_only_the_page_of_an_app_stands_in_for_others(page: bytes, others: tuple[str, ...], is_app: bool) -> None:
    site = Place({"index.html": page, "a.js": b"", **dict.fromkeys(others, b"<!doctype html>")}).site()
    found = navigate(site, "/deep/link")
    if is_app:
        assert isinstance(found, File)
        assert (found.path, found.status) == ("index.html", 200)
    else:
        assert isinstance(found, FixedAnswer)
        assert (found.status, found.content_type, found.cache_control) == (404, "text/html; charset=utf-8", REVALIDATE)
    data = resolve(site, Request("GET", "/deep/link", accept="*/*", fetch_mode="cors", fetch_dest="empty"))
    assert isinstance(data, FixedAnswer)
    assert data.status == 404


def test_a_version_of_an_earlier_release_is_judged_by_its_manifest() -> None:
    relative, rooted = b"<!doctype html><script src=a.js></script>", b"<!doctype html><script src=/a.js></script>"
    for page, entry, is_app in ((relative, relative, False), (rooted, rooted, True), (relative, b"", True)):
        place = Place({"index.html": page, "about.html": b"x"}, stored=True)
        old = structs.replace(place.manifest, is_one_page=None, entry=entry)
        assert (
            isinstance(navigate(place.site(manifest=old, is_one_page=of_manifest(old)), "/deep/link"), File) is is_app
        )


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/missing.js", {"accept": "text/html,*/*"}),
        ("/missing.css", {"accept": "*/*"}),
        ("/logo.png", {"accept": "text/html"}),
        ("/model.onnx", {"accept": "*/*"}),
        ("/Build/game.data.br", {"accept": "*/*"}),
        ("/chunk", {"accept": "*/*", "fetch_dest": "script"}),
        ("/data", {"accept": "*/*", "fetch_dest": "empty"}),
        ("/style", {"accept": "text/css,*/*;q=0.1", "fetch_dest": "style"}),
        ("/data", {"accept": "application/json"}),
    ],
)
def test_html_never_stands_in_for_a_script_or_data(target: str, headers: dict[str, str]) -> None:
    found = resolve(SITE, Request("GET", target, **headers))
    assert isinstance(found, FixedAnswer)
    assert (found.status, found.cache_control, found.content_type) == (404, REVALIDATE, "text/plain; charset=utf-8")


def test_a_missing_fingerprinted_asset_is_searched_in_earlier_versions() -> None:
    request = Request("GET", "/assets/About-x1Y2z3W4.js", accept="*/*")
    decided = SERVING.decide(SITE, request)
    assert isinstance(decided, Undecided)
    assert decided.need.what == EarlierFile("assets/About-x1Y2z3W4.js")
    last = resolve(SITE, request)
    assert isinstance(last, FixedAnswer)
    assert (last.status, last.cache_control) == (404, REVALIDATE)


def test_files_with_hashed_names_are_cached_for_ever_and_all_other_files_are_revalidated() -> None:
    asset, script, page = (navigate(SITE, target) for target in ("/assets/index-BK2dF_3s.js", "/app.js", "/about"))
    assert isinstance(asset, File)
    assert isinstance(script, File)
    assert isinstance(page, File)
    assert (asset.cache_control, script.cache_control, page.cache_control) == (IMMUTABLE, REVALIDATE, REVALIDATE)


@pytest.mark.parametrize(("indexable", "rule"), [(False, b"Disallow: /"), (True, b"Allow: /")])
def test_an_app_without_robots_txt_gets_one_that_says_whether_it_may_be_indexed(indexable: bool, rule: bytes) -> None:
    found = resolve(Place({"index.html": b""}).site(indexable=indexable), Request("GET", "/robots.txt"))
    assert isinstance(found, FixedAnswer)
    assert found.status == 200
    assert rule in found.body.splitlines()


def test_an_apps_own_robots_txt_is_served() -> None:
    found = resolve(Place({"index.html": b"", "robots.txt": b"x"}).site(), Request("GET", "/robots.txt"))
    assert isinstance(found, File)


_target = st.one_of(
    st.text(st.characters(codec="latin-1"), max_size=40),
    st.lists(
        st.sampled_from(
            [
                "..",
                ".",
                "",
                "%2e%2e",
                "%2f",
                "%5c",
                "\\",
                "%00",
                "docs",
                "about",
                "index.html",
                "api",
                "_easel",
                "%c0%af",
                "hêtre",
            ]
        ),
        max_size=6,
    ).map("/".join),
).map(lambda text: "/" + text)


@given(_target, st.sampled_from(["text/html", "*/*", None]))
def test_no_address_leads_outside_the_manifest(target: str, accept: str | None) -> None:
    found = resolve(SITE, Request("GET", target, accept=accept))
    if isinstance(found, File) and found.path != RUNTIME_PATH:
        assert SITE.manifest.files[found.path] is found.member
        assert not found.path.startswith("_easel/")
        assert found.path not in ("_headers", "_redirects")
    elif isinstance(found, FixedAnswer):
        assert found.status in (200, 308, 400, 404)
        assert found.location is None or (found.location.isascii() and found.location[:2] != "//")


def test_a_name_is_found_in_every_unicode_form() -> None:
    syllables = "\ud55c" * 300 + ".html"
    site = Place({"index.html": b"home", syllables: b"page"}).site()
    for form in ("NFC", "NFD"):
        found = navigate(site, "/" + quote(unicodedata.normalize(form, syllables)))
        assert isinstance(found, File)
        assert found.path == syllables


@pytest.mark.parametrize("piece", ["x", "%cc%80%cc%96", "%ed%95%9c", "x/", "-deadbeef.js"])
def test_a_path_longer_than_any_file_path_is_treated_as_missing(piece: str) -> None:
    target = "/assets/" + piece * (12_000 // len(piece))
    found = navigate(SITE, target + "/page")
    assert isinstance(found, File)
    assert (found.path, found.status) == ("index.html", 200)
    assert isinstance(resolve(SITE, Request("GET", target + ".css")), FixedAnswer)
    assert isinstance(navigate(SITE, "/_easel" + target), FixedAnswer)


@given(st.sampled_from(sorted(PAGES)))
def test_every_file_except_platform_paths_and_rules_files_is_found_under_its_own_name(path: str) -> None:
    found = navigate(SITE, "/" + quote(path))
    served = isinstance(found, File) and found.path == path
    assert served is not (path.startswith("_easel/") or path in ("_headers", "_redirects"))
