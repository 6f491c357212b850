"""The responses to a visitor of an app."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable

import brotli

from tests.edge.running import App, RunningEdge

Make = Callable[..., App]
PAGE = "<!doctype html><html><head><title>Shop</title></head><body>" + "hello " * 100 + "</body></html>"
SCRIPT = "export const answer = 42;\n" * 300


def test_a_page_comes_with_the_runtime_object_and_the_platforms_headers(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE}, variables={"GREETING": "hi"})
    answer = edge.get(made.host)
    assert answer.status == 200
    found = re.search(rb"<head><script>window.__EASEL__=window.__MIXPEEK__=(\{.*?\});[^<>]*</script>", answer.body)
    assert found is not None
    assert json.loads(found[1]) == {
        "GREETING": "hi",
        "apiBaseUrl": "/api",
        "appId": made.id,
        "environment": "production",
        "slug": made.slug,
    }
    assert answer["content-type"] == "text/html; charset=utf-8"
    assert answer["x-easel-version"] == "1"
    assert answer["x-content-type-options"] == "nosniff"
    assert answer["x-robots-tag"] == "noindex"
    assert answer["cache-control"] == "public, max-age=0, must-revalidate"


def test_a_key_among_an_apps_variables_is_in_no_page(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE}, variables={"GRÜSSE": "hi", "Mixpeek_Api_Key": "sk_secret"})
    body = edge.get(made.host).body
    assert b'"hi"' in body
    assert b"sk_secret" not in body


def test_the_second_answer_comes_from_memory_and_is_the_same(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE, "app.js": SCRIPT})
    for target in ("/", "/app.js", "/index.html"):
        for encoding in ("", "gzip", "br", "gzip, br;q=0.5"):
            first = edge.get(made.host, target, Accept_Encoding=encoding)
            before = edge.fast()
            second = edge.get(made.host, target, Accept_Encoding=encoding)
            assert edge.fast() == before + 1
            assert second.body == first.body
            assert second.status == first.status == 200
            changing = {"x-request-id", "date"}
            assert second.headers.keys() == first.headers.keys()
            assert {k: v for k, v in second.headers.items() if k not in changing} == {
                k: v for k, v in first.headers.items() if k not in changing
            }
            assert first["x-request-id"] != second["x-request-id"]
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", second["date"])


def test_all_encodings_decode_to_the_same_bytes(edge: RunningEdge, app: Make) -> None:
    made = app()
    made.deploy({"index.html": PAGE, "app.js": SCRIPT}, brotli=True)
    for target in ("/", "/app.js"):
        plain = edge.get(made.host, target)
        packed = edge.get(made.host, target, Accept_Encoding="gzip")
        small = edge.get(made.host, target, Accept_Encoding="br")
        assert (packed["content-encoding"], small["content-encoding"]) == ("gzip", "br")
        assert gzip.decompress(packed.body) == brotli.decompress(small.body) == plain.body
        assert len({plain["etag"], packed["etag"], small["etag"]}) == 3
    assert plain.body == SCRIPT.encode()


def test_a_query_changes_neither_the_file_nor_the_cache(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE, "app.js": SCRIPT})
    edge.get(made.host, "/app.js")
    before, weight = edge.fast(), edge.edge.sites.weight
    for number in range(50):
        assert edge.get(made.host, f"/app.js?v={number}").body == SCRIPT.encode()
    assert edge.fast() == before + 50
    assert edge.edge.sites.weight == weight


def test_a_revalidation_is_answered_from_memory_without_an_earlier_full_response(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE})
    tag = edge.get(made.host)["etag"]
    made.variables["X"] = "1"
    made.commit()
    changed = edge.get(made.host, If_None_Match=tag)
    assert changed.status == 200
    made.deploy({"index.html": PAGE, "a.js": "1"})
    assert edge.get(made.host, If_None_Match=changed["etag"]).status == 304
    before = edge.fast()
    again = edge.get(made.host, If_None_Match=changed["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again["x-easel-version"] == "2"
    assert edge.fast() == before + 1
    assert edge.get(made.host, If_None_Match=f'"x", {changed["etag"]}').status == 304
    assert edge.get(made.host, If_None_Match='"x"').status == 200


def test_head_has_the_headers_of_get_and_no_body(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE, "big.bin": b"0" * 300_000})
    for target in ("/", "/", "/big.bin", "/missing.js"):
        whole = edge.get(made.host, target)
        with edge.connect() as wire:
            head = wire.ask(made.host, target, "HEAD")
            # If the response to HEAD had a body, the next response would begin in the middle of that body.
            assert wire.ask(made.host, target).body == whole.body
        assert (head.status, head["content-length"]) == (whole.status, str(len(whole.body)))


def test_a_large_file_is_streamed_whole_in_ranges_and_packed(edge: RunningEdge, app: Make) -> None:
    content = b"".join(b"line %d\n" % number for number in range(500_000))
    for stored in (False, True):
        made = app()
        made.deploy({"index.html": PAGE, "big.txt": content}, stored=stored)
        whole = edge.get(made.host, "/big.txt")
        assert whole.body == content
        part = edge.get(made.host, "/big.txt", Range="bytes=5000000-5000099")
        assert part.status == 206
        assert part.body == content[5_000_000:5_000_100]
        assert edge.get(made.host, "/big.txt", Range="bytes=-7").body == content[-7:]
        assert edge.get(made.host, "/big.txt", Range="bytes=99999999-").status == 416
        packed = edge.get(made.host, "/big.txt", Accept_Encoding="gzip")
        assert packed.get("content-encoding") == (None if stored else "gzip")
        assert (packed.body if stored else gzip.decompress(packed.body)) == content


def test_a_deep_link_gets_the_app_and_a_missing_script_a_404(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE})
    deep = edge.get(made.host, "/users/42", Accept="text/html")
    assert deep.status == 200
    assert b"Shop" in deep.body
    missing = edge.get(made.host, "/users/42.js", Accept="*/*")
    assert (missing.status, missing["cache-control"]) == (404, "public, max-age=0, must-revalidate")
    assert b"<" not in missing.body


def test_the_response_depends_on_the_visitor_and_not_on_earlier_visitors(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE, "app.js": SCRIPT})
    page = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document", "Accept": "text/html"}
    for _ in range(3):
        for target in ("/users/jane@example.ai", "/packages/chart.js", "/group%2Frepo"):
            opened = edge.get(made.host, target, **page)
            assert (opened.status, b"Shop" in opened.body) == (200, True)
            for dest, mode in (("script", "no-cors"), ("image", "no-cors"), ("empty", "cors"), ("style", "no-cors")):
                loaded = edge.get(made.host, target, Sec_Fetch_Dest=dest, Sec_Fetch_Mode=mode, Accept="*/*")
                assert (loaded.status, loaded["content-type"]) == (404, "text/plain; charset=utf-8")
                assert loaded["vary"].endswith("Sec-Fetch-Dest, Sec-Fetch-Mode")
        for headers in (page, {"Sec_Fetch_Dest": "script"}):
            script = edge.get(made.host, "/app.js", **headers)
            assert (script.status, script.body) == (200, SCRIPT.encode())
        assert edge.get(made.host, "/assets//app.js").status == 404
        assert edge.get(made.host, "//app.js").body == SCRIPT.encode()


def test_a_returning_post_is_redirected_to_the_page_and_a_program_is_refused(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE})
    browser = {"Accept": "text/html", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document", "Content_Length": "0"}
    for _ in range(2):
        led = edge.get(made.host, "/thanks?paid=1", "POST", **browser)
        assert (led.status, led["location"], led.body) == (303, "/thanks?paid=1", b"")
        refused = edge.get(made.host, "/", "POST", Content_Length="0", Sec_Fetch_Mode="cors")
        assert (refused.status, refused["allow"]) == (405, "GET, HEAD")
        assert edge.get(made.host, "/").status == 200


def test_platform_paths_and_methods_answer_in_the_envelope(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE, "_easel/data.json": "{}"})
    answer = edge.get(made.host, "/_easel/data.json")
    assert (answer.status, answer["content-type"]) == (404, "application/json")
    assert json.loads(answer.body)["error"]["code"] == "platform_path"
    assert edge.get(made.host, "/", "DELETE").status == 405
    assert json.loads(edge.get(made.host, "/%2e%2e/x").body)["error"]["code"] == "path_invalid"


def test_health_is_the_platforms_and_never_shadows_an_apps_own_paths(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE, "healthz": "mine", "metrics": "mine"})
    assert edge.get(made.host, "/healthz").body == b"mine"
    assert edge.get(made.host, "/metrics").body == b"mine"
    for host in ("localhost", f"127.0.0.1:{edge.port}", "[::1]:80"):
        assert json.loads(edge.get(host, "/healthz").body) == {"status": "ok"}
        assert json.loads(edge.get(host, "/readyz").body) == {"status": "ok"}


def test_metrics_are_told_on_the_private_port_alone(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE})
    for host in (
        "localhost",
        f"127.0.0.1:{edge.port}",
        "[::1]:80",
        f"127.0.0.1:{edge.private_port}",
        "nobody.localhost",
    ):
        assert edge.get(host, "/metrics").status == 404
    assert b"easel_edge" not in edge.get(made.host, "/metrics").body
    assert edge.private("/").status == edge.private("/v1/apps").status == 404
    assert json.loads(edge.private("/readyz").body) == {"status": "ok"}
    assert edge.private("/metrics", "HEAD").body == b""
    text = edge.private("/metrics").body.decode()
    for name in ("easel_edge_requests_total", "easel_edge_cache_bytes", "easel_edge_refresh_timeouts_total"):
        assert name in text


def test_every_answer_carries_a_request_id(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE})
    answers = [edge.get(made.host, target) for target in ("/", "/", "/api/x", "/none.js")]
    answers += [edge.get("nobody.localhost"), edge.get("localhost")]
    ids = [answer["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"req_[0-9a-f]{16,}", one) for one in ids)


def test_a_rule_for_a_country_goes_by_the_header_that_the_operator_names(own_edge: Callable[..., RunningEdge]) -> None:
    edge = own_edge(country_header="CF-IPCountry")
    rules = "/shop /fr/shop 302 Country=fr\n/shop /us/shop 302"
    made = edge.app("shop", {"index.html": PAGE, "_redirects": rules})
    for country, target in (("FR", "/fr/shop"), ("fr", "/fr/shop"), ("DE", "/us/shop"), ("F" * 99, "/us/shop")):
        assert edge.get(made.host, "/shop", CF_IPCountry=country)["location"] == target
    assert edge.get(made.host, "/shop", X_Country="FR")["location"] == "/us/shop"
