"""The fast path and the slow path send the same response to the same request, head and body."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from itertools import product

from tests.edge.running import App, Reply, RunningEdge, Wire, request

Make = Callable[..., App]

FILES: dict[str, str | bytes] = {
    "index.html": "<!doctype html><title>one</title>" + "<p>page</p>" * 100,
    "about.html": "<!doctype html><title>about</title>",
    "docs/index.html": "<!doctype html><title>docs</title>",
    "assets/app-3f9a1c2b.js": "console.log('one');" * 200,
    "wide.css": "a{color:red}" * 2000,
    "data.bin": bytes(range(256)) * 8,
    "empty.txt": b"",
    "long.bin": random.Random(2).randbytes(200_000),
    "long.js": "".join(f"console.log({n * n});" for n in range(20_000)),
}
PATHS = (
    *("/", "/about", "/about?x=1", "/docs/", "/docs", "/assets/app-3f9a1c2b.js", "/wide.css", "/data.bin"),
    *("/empty.txt", "/nowhere/at/all", "/assets/gone-00000000.js", "/robots.txt", "/index.html", "/%61bout"),
    *("/long.bin", "/long.js"),
)
ENCODINGS = (None, "gzip", "br", "gzip, deflate, br", "identity", "br;q=0, gzip", "*")
CHANGING = ("date", "x-request-id")


def told(answer: Reply) -> tuple[int, dict[str, str], bytes]:
    return answer.status, {name: text for name, text in answer.headers.items() if name not in CHANGING}, answer.body


def asked_both_ways(wire: Wire, host: str, path: str, method: str, headers: dict[str, str]) -> Reply:
    """Returns the response, after comparing the fast path's response with the slow path's response."""
    # This header has no meaning, and only the slow path accepts it.
    full = wire.ask(host, path, method, Proxy_Connection="keep-alive", **headers)
    for _ in range(2):
        assert told(wire.ask(host, path, method, **headers)) == told(full), (host, path, method, headers)
    return full


def test_both_paths_respond_in_the_same_way_to_every_request(edge: RunningEdge, app: Make) -> None:
    indexable, other = app(FILES, indexable=True), app({**FILES, "404.html": "<title>none</title>"})
    hosts = (indexable.host, other.host, f"v1-{other.slug}.localhost", f"staging-{other.slug}.localhost")
    asked = list(product(hosts, PATHS, ENCODINGS, ("GET", "HEAD")))
    random.Random(1).shuffle(asked)
    before = edge.fast()
    unchanged = 0
    with edge.connect() as wire:
        for host, path, encoding, method in asked[:250]:
            headers = {} if encoding is None else {"Accept-Encoding": encoding}
            answer = asked_both_ways(wire, host, path, method, headers)
            tag = answer.get("etag")
            for condition in () if tag is None else (tag, f"W/{tag}", f'"x", {tag}', "*", '"of-another"'):
                unchanged += (
                    asked_both_ways(wire, host, path, method, {**headers, "If-None-Match": condition}).status == 304
                )
    assert unchanged > 100
    assert edge.fast() - before > 400


def test_a_long_file_is_sent_on_the_fast_path_stored_or_inflated(edge: RunningEdge, app: Make) -> None:
    stored, deflated = app(), app(FILES)
    stored.deploy(FILES, stored=True)
    text = FILES["long.js"]
    assert isinstance(text, str)
    with edge.connect() as wire:
        for shop, path, encoding, fast in (
            (stored, "/long.bin", "identity", 3),
            (deflated, "/long.js", "gzip", 3),
            (deflated, "/long.js", "identity", 3),
        ):
            before, sent = edge.fast(), edge.edge.recorder.of(shop.id).sent
            wire.ask(shop.host, path, Accept_Encoding=encoding)
            answers = [wire.ask(shop.host, path, Accept_Encoding=encoding) for _ in range(3)]
            assert edge.fast() - before == fast
            for answer in answers:
                body = gzip.decompress(answer.body) if encoding == "gzip" else answer.body
                assert body == (text.encode() if path == "/long.js" else FILES["long.bin"])
            assert edge.edge.recorder.of(shop.id).sent - sent == 4 * len(answers[0].body)
            assert wire.ask(shop.host, path, "HEAD", Accept_Encoding=encoding).body == b""
            # Two responses that are requested together arrive completely and in order.
            wire.send(2 * request(shop.host, path, Accept_Encoding=encoding))
            assert [wire.reply().body, wire.reply().body] == [answers[0].body] * 2


def test_a_long_file_is_inflated_once_for_clients_that_accept_no_compression(edge: RunningEdge, app: Make) -> None:
    shop = app(FILES)
    text = FILES["long.js"]
    assert isinstance(text, str)
    before = edge.edge.sites.total
    with edge.connect() as wire:
        for _ in range(3):
            assert wire.ask(shop.host, "/long.js").body == text.encode()
        assert len(text) < edge.edge.sites.total - before < 1.5 * len(text)
        part = wire.ask(shop.host, "/long.js", Range="bytes=100000-299999")
        assert (part.status, part.body) == (206, text.encode()[100_000:300_000])


RULES = """
/old/page /new/page 301
/blog/* /articles/:splat 301
/user/:id /people/:id 302
/land/* /de/:splat 302 Country=de
/land/* /en/:splat 302
/tongue/* /de/:splat 302 Language=de
/tongue/* /en/:splat 307
/member/* /club/:splat 302 Cookie=member
/member/* /join 302
/item/* id=:id /thing/:id 301
/item/* /things 301
/docs/* /help/:splat 302!
/folder/* /elsewhere/:splat 308
/far/* https://far.test/:splat 301
/kept/* /with?to=:splat 301
/* /lost 404
"""
RULED = {"index.html": "home", "docs/index.html": "docs", "folder/index.html": "folder", "_redirects": RULES}
RULED_PATHS = (
    *("/old/page", "/old/page?a=1", "/old/page?", "/old/page/", "/blog/2026/hello", "/blog/a%20b", "/blog/", "/blog"),
    *("/user/ada", "/user/bo", "/land/a", "/tongue/a", "/member/a", "/item/7?id=7", "/item/7", "/docs/", "/docs/a"),
    *("/folder/", "/folder", "/folder/x", "/far/a/b", "/far//evil.test", "/kept/a", "/kept/a?b=c", "/blog/../old"),
)
VISITORS: tuple[dict[str, str], ...] = (
    {},
    {"Cookie": "member=1; nf_lang=de"},
    {"Accept-Language": "de-AT,de;q=0.9"},
    {"Cookie": "nf_country=de"},
    {"Service-Worker": "script"},
    {"If-None-Match": ""},
    {"If-None-Match": "*"},
)


def test_both_paths_redirect_every_client_in_the_same_way(edge: RunningEdge, app: Make) -> None:
    made = app(RULED)
    other = app({**RULED, "_redirects": "https://*.elsewhere.test/* /host/:splat 301\n/blog/* /posts/:splat 301\n"})
    cloudflare = app(
        {**RULED, "_redirects": "/blog/* /posts/:splat 302\n", "_headers": "/blog/:page\n  X-Page: :page\n"}
    )
    before = edge.fast()
    with edge.connect() as wire:
        asked = list(product((made.host, other.host, cloudflare.host), RULED_PATHS, ("GET", "HEAD"), VISITORS))
        random.Random(3).shuffle(asked)
        for host, path, method, headers in asked[:450]:
            asked_both_ways(wire, host, path, method, headers)
        redirected = edge.fast() - before
        assert wire.ask(made.host, "/blog/a", "POST")["location"] == "/articles/a"
        assert edge.fast() - before == redirected
    assert redirected > 100


def test_any_number_of_addresses_that_match_a_star_take_a_bounded_place(edge: RunningEdge, app: Make) -> None:
    made = app(RULED)
    with edge.connect() as wire:
        for path in ("/old/page", "/user/ada"):
            wire.ask(made.host, path)
        live = edge.edge.sites.by_host[made.host.encode()]
        before = live.weight
        for number in range(600):
            assert wire.ask(made.host, f"/blog/{number}")["location"] == f"/articles/{number}"
        wire.ask(made.host, f"/blog/{'x' * 9000}")
        assert live.weight - before < 400_000
        fast = edge.fast()
        for path in ("/old/page", "/blog/599"):
            wire.ask(made.host, path)
        assert edge.fast() - fast == 2
        edge.call(live.shed)
        assert not live.by_pattern
        made.deploy({**RULED, "_redirects": "/blog/* /posts/:splat 302\n"})
        assert wire.ask(made.host, "/blog/599")["location"] == "/posts/599"
