"""Missing and damaged objects, and limited memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.edge.running import App, RunningEdge

Make = Callable[..., App]


def path_of(edge: RunningEdge, app: App, kind: str) -> Path:
    folder = edge.objects.root / "apps" / app.id / kind
    (found,) = folder.iterdir()
    return found


def test_a_missing_bundle_causes_503_for_its_app_only_and_until_it_is_restored(edge: RunningEdge, app: Make) -> None:
    hurt, well = app({"index.html": "<p>", "a.js": "1"}), app({"index.html": "<p>", "a.js": "2"})
    bundle = path_of(edge, hurt, "bundles")
    data = bundle.read_bytes()
    bundle.unlink()
    for target in ("/", "/a.js"):
        answer = edge.get(hurt.host, target)
        assert (answer.status, answer["cache-control"]) == (503, "no-store")
        assert hurt.slug.encode() not in answer.body
    assert edge.get(well.host).status == 200
    bundle.write_bytes(data)
    assert edge.get(hurt.host, "/a.js").body == b"1"


def test_a_damaged_manifest_is_503_and_no_crash(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "<p>"})
    path_of(edge, made, "manifests").write_bytes(b'{"bundles": 7')
    assert edge.get(made.host).status == 503
    assert edge.get("localhost", "/healthz").status == 200


@pytest.mark.parametrize("lines", [200_000, 700_000], ids=["inflated first", "inflated while it is sent"])
def test_a_damaged_file_is_never_sent_as_complete(edge: RunningEdge, app: Make, lines: int) -> None:
    text = b"".join(b"%d\n" % number for number in range(lines))
    made = app({"index.html": "<p>", "big.txt": text, "small.txt": text[:5000]})
    bundle = path_of(edge, made, "bundles")
    data = bytearray(bundle.read_bytes())
    data[2000:-4000] = bytes(len(data) - 6000)
    bundle.write_bytes(data)
    with edge.connect() as wire:
        wire.send(f"GET /big.txt HTTP/1.1\r\nHost: {made.host}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = wire.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ") if lines == 200_000 else len(body) < len(text)
    assert edge.get("localhost", "/healthz").status == 200


def test_a_repaired_bundle_is_read_again(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "<p>", "a.txt": "whole\n" * 500})
    bundle = path_of(edge, made, "bundles")
    data = bundle.read_bytes()
    bundle.write_bytes(bytes(len(data)))
    assert edge.get(made.host, "/a.txt").status == 503
    # An operator who copies the object from a backup creates another file under the same name.
    aside = bundle.with_suffix(".new")
    aside.write_bytes(data)
    aside.replace(bundle)
    assert edge.get(made.host, "/a.txt").body == b"whole\n" * 500


def test_damaged_brotli_variants_are_passed_over(edge: RunningEdge, app: Make) -> None:
    for damage in (b"", b"EASELV1\n\xff\xff\xff\xff\xff\xff\xff\xff", b"nonsense"):
        made = app()
        made.deploy({"index.html": "<p>", "a.js": "let a = 1;\n" * 500}, brotli=True)
        path_of(edge, made, "variants").write_bytes(damage)
        answer = edge.get(made.host, "/a.js", Accept_Encoding="br, gzip")
        assert (answer.status, answer["content-encoding"]) == (200, "gzip")


def test_caches_stay_within_their_budget_and_one_app_cannot_evict_all_others(
    own_edge: Callable[..., RunningEdge],
) -> None:
    edge = own_edge(edge_cache_bytes=2_000_000)
    small = edge.app("small", {"index.html": "<p>small", "a.js": "1"})
    edge.get(small.host, "/a.js")
    edge.get(small.host, "/a.js")
    files = {"index.html": "<p>", **{f"f{number}.txt": f"{number}" * 20_000 for number in range(60)}}
    greedy = edge.app("greedy", files)
    for number in range(60):
        assert edge.get(greedy.host, f"/f{number}.txt").status == 200
        assert edge.edge.sites.total <= 2_000_000
    before = edge.fast()
    edge.get(small.host, "/a.js")
    assert edge.fast() == before + 1
    assert edge.get(greedy.host, "/f0.txt").status == 200


def test_removed_and_recreated_sites_leave_no_counted_memory(own_edge: Callable[..., RunningEdge]) -> None:
    edge = own_edge()
    apps = [edge.app(f"app-{number}", {"index.html": "<p>", "a.js": "1"}) for number in range(20)]
    for round_ in range(3):
        for one in apps:
            for target in ("/", "/a.js"):
                assert edge.get(one.host, target, Accept_Encoding="gzip").status == 200
        for one in apps:
            one.deploy({"index.html": f"<p>{round_}", "a.js": "2"})
    for one in apps:
        one.delete()
    assert edge.get(apps[0].host).status == 404
    assert edge.edge.sites.weight == 0
    assert edge.edge.sites.by_host == {}
