"""An edge filled with the apps that take the most memory, in a separate process: the reported memory, and the growth of
the process. Run as `python -m tests.edge.weighing KIND…`. It prints JSON."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import hashlib
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from easel.edge.routing.table import EnvironmentRoute
from easel.storage.object_names import bundle_key, manifest_key
from tests.edge.running import App, RunningEdge

_LIBC = ctypes.CDLL(None)


def grown() -> int:
    """Returns the bytes of this process's own memory, without mapped files, and without memory that its allocator could
    return at once."""
    gc.collect()
    _LIBC.malloc_trim(0)
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("RssAnon:")[2].split()[0])


def said(edge: RunningEdge) -> dict[str, int]:
    """Returns `easel_edge_cache_bytes` by kind."""
    text = edge.private("/metrics").body.decode()
    return {
        sample.labels["kind"]: int(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "easel_edge_cache_bytes"
    }


def listed(app: App, paths: Iterable[str], number: int) -> EnvironmentRoute:
    """Returns a version with these paths, of which only the manifest exists. The manifest is written line by line in
    the format of `Manifest.encode`, so that no holes remain in memory that the edge could fill."""
    digest = hashlib.sha256()
    path = app.edge.objects.local_path("listed")
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:

        def write(text: str) -> None:
            file.write(text.encode())
            digest.update(text.encode())

        write(f'{{"bundles":[["{bundle_key(app.id, "0" * 64)}","{"0" * 64}",2147483648]],"files":{{')
        for at, name in enumerate(paths):
            content = hashlib.sha256(f"{number}{name}".encode()).hexdigest()
            numbers = f"0,{5000 + at},{700 + at},8,{2**31 + at}"
            write(f'{"," if at else ""}"{name}":["{content}",{1000 + at},"text/javascript; charset=utf-8",{numbers}]')
        write("}}")
    place = app.edge.objects.local_path(manifest_key(app.id, digest.hexdigest()))
    assert place is not None
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    app.last = max(app.last, number)
    made = EnvironmentRoute(number, digest.digest(), 1_700_000_000.0 + number)
    app.edge.feed.versions[app.id, number] = made
    return made


def variables(size: int, seed: int) -> dict[str, str]:
    text = random.Random(seed).randbytes(1000).hex()
    return {f"VARIABLE_{n}": text for n in range(size // 2020)}


def routes(edge: RunningEdge) -> None:
    """Adds apps that were never deployed, with all variables that an earlier release allowed, and many plain apps."""
    for n in range(12):
        edge.app(f"heavy-{n}", variables=variables(2_000_000, n))
    for n in range(2000):
        slug = f"plain-{n}" if n % 2 else f"a-slug-as-long-as-it-may-be-so-that-it-is-shortened-{n:09}"
        app = App(edge, slug, variables={"COLOUR": f"blue {n}"})
        app.last = 7
        app.environments["production"] = EnvironmentRoute(
            7, hashlib.sha256(slug.encode()).digest(), 1e9 + n, True, random.Random(n).randbytes(44 * (n % 12))
        )
        edge.feed.committed[app.id] = app.route()
    edge.page.bump(0)
    edge.app("last", {"index.html": "x"})
    assert edge.get("last.localhost").status == 200


def manifests(edge: RunningEdge) -> None:
    """Adds a version with a hundred thousand files, and some versions with the longest paths."""
    app = edge.app("many")
    app.point("production", listed(app, (f"assets/of/pages/{n:06}/{n * n % 7919}.js" for n in range(100_000)), 1))
    assert edge.get(app.host, "/none.txt").status == 404
    for n in range(3):
        app = edge.app(f"long-{n}")
        wide = "é" if n == 1 else "\U0001f600" if n == 2 else "x"
        app.point("production", listed(app, (f"{k:05}{wide}{'x' * (900 if n < 2 else 250)}" for k in range(3000)), 1))
        assert edge.get(app.host, "/none.txt").status == 404


def versions(edge: RunningEdge) -> None:
    """Visits all versions of an app at their own addresses, with two mebibytes of variables."""
    app = edge.app("versions", variables=variables(2_000_000, 1))
    for number in range(1, 141):
        listed(app, (f"assets/{n}-{number // 2}.js" for n in range(150)), number)
    app.commit(hosts=True)
    with edge.connect() as wire:
        for number in range(1, 141):
            assert wire.ask(f"v{number}-{app.host}", "/none.txt").status == 404


def answers(edge: RunningEdge) -> None:
    """Adds many small files and pages, and requests each of them."""
    files = {f"folder-{n % 50}/{n}.txt": f"{n}" * 40 for n in range(1200)}
    pages = {f"{n}.html": f"<p>{random.Random(n).randbytes(3000 * (1 + n % 4)).hex()}" for n in range(100)}
    large = {f"{n}.bin": random.Random(n).randbytes(30_000) for n in range(60)}
    app = edge.app("answers", {"index.html": "<p>", **files, **pages, **large})
    with edge.connect() as wire:
        for path in (*files, *pages, *large):
            assert wire.ask(app.host, f"/{path}", Accept_Encoding="br" if len(path) % 2 else "gzip").status == 200


def requests(edge: RunningEdge) -> None:
    """Sends requests that differ in their query, their host's spelling and their accepted encodings."""
    app = edge.app("asked", {"index.html": "<p>", "a.txt": "a"})
    edge.get(app.host, "/a.txt")
    spell: Callable[[int], str] = lambda n: "".join(  # noqa: E731
        c.upper() if n >> at & 1 else c for at, c in enumerate("asked.localhost")
    )
    with edge.connect() as wire:
        for n in range(1, 2500):
            headers = {"Accept-Encoding": f"gzip, br;q=0.{n}, {'x' * 190}", "User-Agent": "u" * 800}
            assert wire.ask(spell(n), f"/a.txt?{n:0700}", **headers).status == 200


def earlier(edge: RunningEdge) -> None:
    """Adds an environment's fifteen earlier versions, each with its own files."""
    app = edge.app("earlier")
    for number in range(1, 16):
        app.point("production", listed(app, (f"assets/{n}-{number:03}{n:05}a.js" for n in range(1500)), number))
    assert edge.get(app.host, "/assets/none-00000000.js").status == 404


KINDS = (routes, manifests, versions, answers, requests, earlier)


def main(kinds: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        edge = RunningEdge(Path(folder), edge_cache_bytes=512 << 20)
        edge.start()
        first = edge.app("first", {"index.html": "<p>", "a.js": "1", "large.html": "<p>" + "x" * 2_000_000})
        for path in ("/", "/a.js", "/large.html", "/none"):
            edge.get(first.host, path, Accept_Encoding="br")
        first.delete()
        edge.get(first.host)
        before, begun = said(edge), grown()
        after = before
        for kind in KINDS:
            if not kinds or kind.__name__ in kinds:
                kind(edge)
        edge.feed.committed.clear()
        edge.feed.versions.clear()
        after, ended = said(edge), grown()
        by_kind = {kind: after[kind] - before[kind] for kind in after}
        print(json.dumps({"grown": ended - begun, "said": sum(by_kind.values()), "kinds": by_kind}))
        edge.stop()


if __name__ == "__main__":
    asyncio.set_event_loop(None)
    main(sys.argv[1:])
