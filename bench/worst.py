"""The worst requests of each kind: the processor time of a single request for an edge and for an api.

The limits are 5 ms for an edge and 20 ms for an api, for a request of at most 64 KiB from any sender, and 200 ms for a
body of 4 MiB. Hashing a password is slow by design, and not included.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

from bench.apart import descendants
from bench.measure import Report
from testbed.running import Platform, RunningApp, make_platform, zip_of

ROUNDS = 5
"""Number of rounds. The figure is the smallest value of all rounds, because a process sometimes does other work."""
SMALL, LARGE, LARGEST = 64 * 1024, 4 * 1024 * 1024, 64 * 1024 * 1024
EDGE_MS, API_MS, LARGE_MS = 5, 20, 200


def run(report: Report, folder: Path) -> None:
    """Sends each request alone, and measures its cost."""
    (folder / "worst").mkdir()
    platform = make_platform(folder / "worst")
    platform.start()
    try:
        app = RunningApp.create(platform)
        app.deploy(zip_of({"index.html": "<head></head>home", "a.txt": "0123456789" * 1000, "folder/index.html": "x"}))
        platform.settle()
        _edge(report, platform, app)
        _api(report, platform, app)
    finally:
        platform.stop()


def _edge(report: Report, platform: Platform, app: RunningApp) -> None:
    host = f"Host: {app.slug}.localhost\r\n"
    room = SMALL - 300
    heads = {
        "a plain request": f"GET /none HTTP/1.1\r\n{host}",
        "Range of blanks": f"GET /a.txt HTTP/1.1\r\n{host}Range: bytes=1-{' ' * room}x\r\n",
        "Accept-Encoding of commas": f"GET /a.txt HTTP/1.1\r\n{host}Accept-Encoding: {',' * room}\r\n",
        "If-None-Match of tags": f"GET /a.txt HTTP/1.1\r\n{host}If-None-Match: " + 'W/"x", ' * (room // 7) + "\r\n",
        "many lines of one header": f"GET /a.txt HTTP/1.1\r\n{host}" + "If-None-Match: x\r\n" * (room // 18),
        "many headers": f"GET /a.txt HTTP/1.1\r\n{host}" + "a:\r\n" * (room // 4),
        "as many headers as may be": f"GET /a.txt HTTP/1.1\r\n{host}" + f"a: {'x' * 300}\r\n" * 195,
        "Cookie": f"GET /a.txt HTTP/1.1\r\n{host}Cookie: {'a=b; ' * (room // 5)}\r\n",
        "path of marks": f"GET /{'%cc%80%cc%96' * 1020} HTTP/1.1\r\n{host}",
        "path of escapes": f"GET /{'%41' * 4090} HTTP/1.1\r\n{host}",
        "path of fingerprints": f"GET /assets/{'-deadbeef.js' * 1300} HTTP/1.1\r\n{host}",
        "path that is too long": f"GET /{'%cc%80%cc%96' * (room // 12)} HTTP/1.1\r\n{host}",
        "query of a redirect": f'GET /folder?{"a" * room}" HTTP/1.1\r\n{host}',
        "host that is too long": f"GET / HTTP/1.1\r\nHost: {'a.' * (room // 2)}\r\n",
    }
    for name, head in heads.items():
        data = f"{head}Connection: close\r\n\r\n".encode()
        _measure(report, platform, "edge", name, EDGE_MS, lambda data=data: _send(platform.edge_port, data))  # type: ignore[misc]


def _api(report: Report, platform: Platform, app: RunningApp) -> None:
    key = app.upload(zip_of({"index.html": "x"}))
    room = SMALL - 300
    anonymous = {
        "a plain request": "GET /v1/apps HTTP/1.1\r\nHost: x\r\n",
        "many headers": "GET /v1/apps HTTP/1.1\r\nHost: x\r\n" + "a:\r\n" * (room // 4),
        "Authorization": f"GET /v1/apps HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {' ' * room}\r\n",
        "Content-Type": f"POST /v1/apps HTTP/1.1\r\nHost: x\r\nContent-Type: {'a;' * (room // 2)}\r\n",
        "path": f"GET /v1/apps/{'%41' * 4090}/x HTTP/1.1\r\nHost: x\r\n",
        "query": f"GET /v1/apps?{'&a' * 4000} HTTP/1.1\r\nHost: x\r\n",
        "query that is too long": f"GET /v1/apps?{'&a' * (room // 2)} HTTP/1.1\r\nHost: x\r\n",
    }
    for name, head in anonymous.items():
        data = f"{head}Connection: close\r\n\r\n".encode()
        _measure(report, platform, "api", name, API_MS, lambda data=data: _send(platform.api_port, data))  # type: ignore[misc]
    order = {"message": "m", "bundle_s3_key": key}
    text = json.dumps(order)[:-1]
    for size, limit in ((SMALL - 1000, API_MS), (LARGE, LARGE_MS)):
        # A configuration may take half of a body.
        within = min(size, LARGE // 2)
        bodies = {
            "POST /v1/apps": {
                "numbers": _filled('{"a":[1', ",1", "]}", size),
                "lists": _filled("[[]", ",[]", "]", size),
                "depth": "[" * size,
                "digits": _filled('{"a":', "7", "}", size),
                "wrong values": _numbered('{"build_config":{"env_vars":{', '"%d":1', "}}}", size),
                "unknown fields": _numbered("{", '"%d":1', "}", size),
                "a long text": _filled('{"meta":{"title":"', "x", '"}}', size),
                "escapes": _filled('{"custom_html":"', "\\u00e9", '"}', size),
            },
            f"PATCH {app.path}": {
                "variables": _numbered(
                    '{"build_config":{"env_vars":{', f'"%d":"{"x" * (within // 1000)}"', "}}}", within * 0.98
                ),
                "a tree": _filled('{"sections":[{"type":"x","props":{"a":[1', ",1", "]}}]}", 19_000),
            },
            f"POST {app.path}/deploy": {
                "source_files, one path": _filled(f'{text},"source_files":{{"', "\u0300\u0316", '":""}}', size),
                "source_files, paths": _numbered(f'{text},"source_files":{{', '"%d":""', "}}", size),
                "source_files, wrong values": _numbered(f'{text},"source_files":{{', '"%d":1', "}}", size),
            },
        }
        for operation, named in bodies.items():
            for name, body in named.items():
                _measure_body(report, platform, operation, name, body, limit)
    largest = _filled(f'{text},"source_files":{{"', "\u0300\u0316", '":""}}', LARGEST)
    _measure_body(report, platform, f"POST {app.path}/deploy", "source_files, one path", largest, LARGE_MS * 16)


def _measure_body(report: Report, platform: Platform, operation: str, name: str, body: str, limit: float) -> None:
    sent = body.encode()
    method, path = operation.split()

    def send() -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.api_key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\nConnection: close\r\n\r\n"
        _send(platform.api_port, head.encode() + sent)

    size = f"{len(sent) / 1024:.0f} KiB"
    _measure(report, platform, "api", f"{method}, {name}, {size}", limit, send)


def _measure(
    report: Report, platform: Platform, role: str, name: str, limit: float, send: Callable[[], object]
) -> None:
    processes = processes_of(platform, role)
    taken = []
    for _ in range(ROUNDS):
        before = processor_time(processes)
        send()
        # Work after the response is sent counts too.
        time.sleep(0.02)
        taken.append(processor_time(processes) - before)
    report.add(f"{role}: {name}"[:58], min(taken) * 1000, "ms", at_most=limit)


def _send(port: int, data: bytes) -> bytes:
    """Returns the response to a request that asks for closing the connection, or an earlier refusal."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(1 << 16):
                answer = (answer + piece)[:4096]
        except ConnectionError:
            pass
    return answer


def processes_of(platform: Platform, role: str) -> list[int]:
    """Returns the processes of a role."""
    assert platform.process is not None
    found = []
    for process in descendants([platform.process.pid]):
        title = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        if re.match(rf"easel: {role}\b", title):
            found.append(process)
    assert found, f"there is no {role}"
    return found


def processor_time(processes: list[int]) -> float:
    """Returns the seconds of processor time of all threads of these processes (utime and stime, to the nanosecond)."""
    total = 0
    for process in processes:
        for thread in Path(f"/proc/{process}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def _filled(head: str, fill: str, tail: str, size: int) -> str:
    room = size - len(head) - len(tail)
    return head + fill * (room // len(fill.encode())) + tail


def _numbered(head: str, entry: str, tail: str, size: float) -> str:
    entries: list[str] = []
    room = size - len(head) - len(tail)
    while room > 0:
        entries.append(entry % len(entries))
        room -= len(entries[-1]) + 1
    return head + ",".join(entries[:-1]) + tail
