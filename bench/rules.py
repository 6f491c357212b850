"""The cost of rules files: reading them at a deploy, looking rules up, and serving with many rules in force. An edge
with many rules is compared with an edge without rules, and with nginx with the same lines as a `map`.

Requests are counted per second of processor time, so that other load matters little. All sides are asked in turn, in
many short rounds, and every second time in reverse order. A ratio is the median of the ratios of neighbouring rounds,
so that neither a disturbed second nor the order decides.
"""

from __future__ import annotations

import shutil
import signal
import statistics
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.edge import text
from bench.measure import Report
from bench.peers import nginx
from bench.worst import processes_of, processor_time
from easel.bundles.models import STORED, BundleRef, Manifest, Member
from easel.environments.names import PRODUCTION
from easel.rules.matching.visit import Visit
from easel.rules.models import Rules
from easel.rules.read import read_rules
from easel.serving.chain import SERVING, Chain
from easel.serving.models import File, Request, Site
from easel.serving.published import PublishedSite
from easel.serving.respond import answer_file, representations
from easel.serving.site_rules import site_rules
from easel.serving.stages import redirects as redirects_stage
from easel.serving.stages import rule_headers
from testbed.running import RunningApp, make_platform

ROUNDS = 32
SECONDS = 0.4
LINES, BLOCKS = 5_000, 200
_AT_INGEST = 10_000
_LOOK_UPS = 2_000
_TURNS = 20
_SMALLEST, _MIDDLE = 10, 1_000
FILES = {"index.html": b"<!doctype html><title>bench</title>", "1k.js": text(1024)}


def run(report: Report, folder: Path) -> None:
    """Runs all measurements. Each edge is loaded for a few seconds, in turn."""
    _reading(report)
    _looking_up(report)
    _serving(report, folder / "rules")


def redirects(count: int) -> bytes:
    """Returns that many lines of `_redirects`. Every tenth line has a wildcard, and another tenth has a placeholder."""
    kinds = ("/old/{n}/page /new/{n} 301", "/blog/{n}/* /articles/{n}/:splat 301", "/user/{n}/:id /people/:id 302")
    return "".join(kinds[n % 10 if n % 10 < 3 else 0].format(n=n) + "\n" for n in range(count)).encode()


def headers(count: int) -> bytes:
    """Returns that many blocks of `_headers`."""
    return "".join(f"/section/{n}/*\n  X-Section: {n}\n" for n in range(count)).encode()


def _rules(count: int) -> Rules:
    rules = read_rules({"_redirects": redirects(count), "_headers": headers(min(count, BLOCKS))})
    assert rules is not None
    assert len(rules.redirects) == count
    return rules


def _reading(report: Report) -> None:
    taken = []
    for _ in range(5):
        began = time.process_time()
        _rules(_AT_INGEST)
        taken.append((time.process_time() - began) * 1000)
    median = statistics.median(taken)
    report.add(f"reading {_AT_INGEST:,} redirect lines", min(taken), "ms cpu", at_most=100, median=median)


def _looking_up(report: Report) -> None:
    each = {count: _look_up(_rules(count)) for count in (_SMALLEST, _MIDDLE, _AT_INGEST)}
    for count in (_MIDDLE, _AT_INGEST):
        report.add(
            f"a look-up among {count:,} lines, of one among {_SMALLEST}",
            each[count] / each[_SMALLEST],
            "×",
            at_most=1.5,
            microseconds=each[count] * 1e6,
        )


def _look_up(rules: Rules) -> float:
    made = site_rules(rules)
    paths = ["/old/5/page", "/blog/1/2024/hello", "/user/2/ada", "/nothing/of/these"]
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for number in range(_LOOK_UPS):
            visit = Visit(paths[number % 4])
            made.redirects.find(visit)
            made.headers.find(visit)
        best = min(best, time.process_time() - began)
    return best / _LOOK_UPS


@dataclass(frozen=True)
class _Asked:
    """A repeated request: the processes that respond, their port, and the host and path."""

    processes: list[int]
    port: int
    host: str
    path: str


_WITHOUT, _WITH, _ONE, _MANY, _NGINX = "without", "with", "one line", "many lines", "nginx"


def _serving(report: Report, folder: Path) -> None:
    (folder / "easel").mkdir(parents=True)
    platform = make_platform(folder / "easel", EASEL_EDGE_PROCESSES="1")
    platform.start()
    with ExitStack() as stack:
        stack.callback(platform.stop)
        plain, ruled, single = (RunningApp.create(platform) for _ in range(3))
        rules = {"_redirects": redirects(LINES), "_headers": headers(BLOCKS)}
        for app, more in ((plain, {}), (ruled, rules), (single, {"_redirects": redirects(1)})):
            assert app.deploy({**FILES, **more})["status"] == "complete"
        platform.settle()
        edge, port = processes_of(platform, "edge"), platform.edge_port
        # The two sides of each ratio are neighbours.
        asked = {
            _WITHOUT: _Asked(edge, port, f"{plain.slug}.localhost", "/1k.js"),
            _WITH: _Asked(edge, port, f"{ruled.slug}.localhost", "/1k.js"),
            _ONE: _Asked(edge, port, f"{single.slug}.localhost", "/old/0/page"),
            _MANY: _Asked(edge, port, f"{ruled.slug}.localhost", "/old/5/page"),
        }
        if shutil.which("nginx") is not None:
            moving = "if ($moved) { return 301 $moved$is_args$args; }"
            peer = stack.enter_context(nginx(folder / "nginx", FILES, "1", more=_as_map(), of_server=moving))
            asked[_NGINX] = _Asked(peer.processes, peer.port, peer.host, "/old/5/page")
        rates = _in_turn(asked)
        told = f"1 KiB with {LINES:,} lines and {BLOCKS} blocks, of an app without"
        _compare(report, told, rates[_WITH], rates[_WITHOUT], at_least=0.95)
        _without_rules(report, _ask(asked[_WITHOUT], "Range: bytes=0-99"))
        report.add(f"a redirect of {LINES:,} lines", statistics.median(rates[_MANY]), "/cpu s")
        told = f"a redirect of {LINES:,} lines, of an app with one"
        _compare(report, told, rates[_MANY], rates[_ONE], at_least=0.95)
        if _NGINX in rates:
            _compare(report, "a redirect, of nginx's with a map", rates[_MANY], rates[_NGINX], at_least=1.0)
        else:
            report.skip("nginx with the same lines as a map", "nginx is not on this machine")


def _in_turn(asked: dict[str, _Asked]) -> dict[str, list[float]]:
    """Returns the requests per second of processor time in each round, after a round that does not count."""
    rates: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(ROUNDS + 1):
        for name in list(asked)[:: -1 if number % 2 else 1]:
            rates[name].append(_ask(asked[name]))
    return {name: rounds[1:] for name, rounds in rates.items()}


def _compare(report: Report, name: str, rates: list[float], others: list[float], *, at_least: float) -> None:
    """Adds the median of the ratios of neighbouring rounds, and both medians."""
    ratio = statistics.median(one / other for one, other in zip(rates, others, strict=True))
    both = {"per_cpu_second": statistics.median(rates), "other_per_cpu_second": statistics.median(others)}
    report.add(name, ratio, "×", at_least=at_least, **both)


def _without_rules(report: Report, rate: float) -> None:
    """Measures the cost of rules for an app without any: the rule stages in the chain, per request of the slow path. An
    edge answers `rate` of these requests per second of processor time. The fast path does not use the chain."""
    of_rules = {rule_headers.STAGE, redirects_stage.FIRST, redirects_stage.LAST}
    chains = {"with": SERVING, "without": Chain(*(stage for stage in SERVING.stages if stage not in of_rules))}
    member = Member(hash="0" * 64, size=1024, type="text/plain", bundle=0, offset=0, length=1024, method=STORED, crc=0)
    manifest = Manifest([BundleRef("", "", 1024)], {"1k.js": member, "index.html": member})
    site = Site("", "app", PRODUCTION, 1, manifest, 0, PublishedSite())
    best = dict.fromkeys(chains, float("inf"))
    for _ in range(_TURNS):
        for name, chain in chains.items():
            began = time.process_time()
            for _ in range(_LOOK_UPS):
                request = Request("GET", "/1k.js", range="bytes=0-99")
                decision = chain.decide_alone(site, request)
                assert isinstance(decision.found, File)
                ready = representations(decision.found)
                decision.finish(site, request, answer_file(site, decision.found, ready, request))
            best[name] = min(best[name], time.process_time() - began)
    added = (best["with"] - best["without"]) / _LOOK_UPS
    of_request = 1 / (1 - added * rate)
    named = "a request of an app without rules, of one in an edge without rules"
    report.add(named, of_request, "×", at_most=1.01, microseconds=added * 1e6, per_cpu_second=rate)


def _ask(asked: _Asked, header: str = "X-None: 0") -> float:
    """Runs one round. Returns the requests per second of the processes' processor time."""
    target = f"http://127.0.0.1:{asked.port}{asked.path}"
    command = ["wrk", "-t1", "-c32", "-d60s", "-H", f"Host: {asked.host}", "-H", header, target]
    before = processor_time(asked.processes)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        # wrk reports when it is interrupted. Its own durations are whole seconds.
        time.sleep(SECONDS)
        client.send_signal(signal.SIGINT)
        said = client.communicate()[0]
    worked = processor_time(asked.processes) - before
    count = next(int(line.split()[0]) for line in said.splitlines() if " requests in " in line)
    return count / worked


def _as_map() -> str:
    """Returns the lines for nginx. Literal lines are in the map's table, and all other lines are regular expressions of
    the map."""
    lines = []
    for line in redirects(LINES).decode().splitlines():
        source, target, _ = line.split()
        if "*" in source or ":" in source:
            place = source.replace("/*", "/(.*)").replace(":id", "([^/]+)")
            lines.append(f'"~^{place}$" "{target.replace(":splat", "$1").replace(":id", "$1")}";')
        else:
            lines.append(f'"{source}" "{target}";')
    table = "\n".join(lines)
    return f'map_hash_max_size 32768; map_hash_bucket_size 128; map $uri $moved {{ default ""; {table} }}'
