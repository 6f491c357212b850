"""A real edge on a real socket, over a folder of objects. Only its source of routes belongs to the tests."""

from __future__ import annotations

import asyncio
import hashlib
import io
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
import uvloop
from msgspec.structs import replace

from easel.bundles.inspect import inspect
from easel.bundles.models import Allowances, BundleRef, Limits, Manifest
from easel.connections.private import private_port
from easel.edge.recorder import FAST
from easel.edge.routing.table import MOVE, AppRoute, EnvironmentRoute, RouteTable
from easel.edge.server import Edge
from easel.serving.compressing import build_variants
from easel.serving.published import encoded, published_site
from easel.serving.runtimes import INLINE, Runtime
from easel.settings import Settings
from easel.storage.folder import FolderObjects
from easel.storage.freshness import HOSTS_SLOT, FreshnessPage, slot_of
from easel.storage.object_names import bundle_key, manifest_key, variants_key

Files = Mapping[str, bytes | str]


def zipped(files: Files, *, stored: bool = False) -> bytes:
    """Returns a zip of the files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return data.getvalue()


class Published:
    """A feed that tests change, as commits change the database's feed."""

    def __init__(self, table: RouteTable) -> None:
        self.table = table
        self.committed: dict[str, AppRoute | None] = {}
        self.versions: dict[tuple[str, int], EnvironmentRoute] = {}
        self.asked_for: list[int] = []
        self.refreshes = 0
        self.answers: Callable[[], bool] = lambda: True
        self.slow = asyncio.Event()
        self.slow.set()

    async def refresh(self) -> None:
        """Applies all changes committed before the call."""
        self.refreshes += 1
        seen = dict(self.committed)
        await self.slow.wait()
        if not self.answers():
            raise ConnectionError("the database is gone")
        self.table.apply(seen)

    async def version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        """Returns the content of a version's own address."""
        self.asked_for.append(number)
        await self.slow.wait()
        return self.versions.get((app_id, number))


@dataclass
class App:
    """An app under test. `deploy` makes versions of the app, and moves its pointers."""

    edge: RunningEdge
    slug: str
    owner: str = ""
    indexable: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    runtime: Runtime = INLINE
    active: bool = True
    last: int = 0
    environments: dict[str, EnvironmentRoute] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"app_{hashlib.sha256(f'{self.owner}{self.slug}'.encode()).hexdigest()[:16]}"

    @property
    def host(self) -> str:
        return f"{self.slug}.localhost"

    def record(self, files: Files | bytes, *, stored: bool = False, brotli: bool = False) -> EnvironmentRoute:
        """Stores the files, or the content of a zip, as the next version."""
        self.last += 1
        made = self.edge.store(self.id, files, self.last, stored=stored, brotli=brotli)
        self.edge.feed.versions[self.id, self.last] = made
        return made

    def deploy(
        self, files: Files | bytes, *, to: str = "production", stored: bool = False, brotli: bool = False
    ) -> int:
        """Records a version, points the environment at it, and returns its number."""
        self.point(to, self.record(files, stored=stored, brotli=brotli))
        return self.last

    def point(self, environment: str, version: EnvironmentRoute, *, left_at: float | None = None) -> None:
        """Moves a pointer. The previous version counts as served until the current time, or until `left_at`."""
        before = self.environments.get(environment)
        moves = b"" if before is None else before.moves
        if before is not None and before.version != version.version:
            until = time.time() if left_at is None else left_at
            moves = MOVE.pack(until, before.version, before.manifest) + moves
        self.environments[environment] = replace(version, moves=moves)
        self.commit()

    def route(self) -> AppRoute:
        config = {
            "meta": {"indexable": self.indexable},
            "build_config": {"env_vars": self.variables, "runtime": self.runtime},
        }
        return AppRoute(
            self.id,
            self.slug,
            self.active,
            self.last,
            encoded(published_site(config)),
            tuple(replace(self.environments[name], name=name) for name in sorted(self.environments)),
        )

    def commit(self, *, hosts: bool = False) -> None:
        """Has the effect of a transaction: writes, then bumps the freshness page. The api responds after this."""
        self.edge.feed.committed[self.id] = self.route()
        self.edge.page.bump(slot_of(self.id))
        if hosts:
            self.edge.page.bump(HOSTS_SLOT)

    def delete(self) -> None:
        self.edge.feed.committed[self.id] = None
        self.edge.page.bump(slot_of(self.id))
        self.edge.page.bump(HOSTS_SLOT)


class RunningEdge:
    """An edge in its own thread, on a port of 127.0.0.1."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.settings = Settings.model_validate({"data_dir": folder, "refresh_timeout": 30, **settings})
        self.objects = FolderObjects(folder / "objects", folder / "scratch")
        self.page = FreshnessPage(folder / "freshness")
        self.table = RouteTable()
        self.loop = uvloop.new_event_loop()
        self.feed = Published(self.table)
        self.edge = Edge(self.settings, self.objects, self.page, self.table, self.feed)
        self.edge.app.ready = True
        self.server: uvicorn.Server = self.edge.server()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self.socket.getsockname()[1])
        self.private_socket = socket.create_server(("127.0.0.1", 0))
        self.private_port = int(self.private_socket.getsockname()[1])
        self.thread = threading.Thread(target=self._run, name="edge", daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with private_port(self.edge.private, self.private_socket):
            await self.server.serve(sockets=[self.socket])

    def start(self) -> None:
        self.thread.start()
        self.connect().close()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(60)
        assert not self.thread.is_alive()
        self.loop.close()

    def call(self, function: Callable[[], object]) -> None:
        """Runs a function on the edge's own event loop, and waits for its end."""

        async def run() -> None:
            function()

        asyncio.run_coroutine_threadsafe(run(), self.loop).result(60)

    def app(self, slug: str, files: Files | None = None, **options: object) -> App:
        """Returns a new app, with the files as version 1 in production."""
        app = App(self, slug, **options)  # type: ignore[arg-type]
        app.commit(hosts=True)
        if files is not None:
            app.deploy(files)
        return app

    def store(
        self, app_id: str, files: Files | bytes, number: int, *, stored: bool = False, brotli: bool = False
    ) -> EnvironmentRoute:
        """Puts bundle, manifest and variants into the object store, as the pipeline does."""
        data = files if isinstance(files, bytes) else zipped(files, stored=stored)
        found = inspect(memoryview(data), limits=Limits(), allow=Allowances())
        bundled = hashlib.sha256(data).hexdigest()
        bundle = BundleRef(bundle_key(app_id, bundled), bundled, len(data))
        manifest = Manifest(
            [bundle],
            found.files,
            has_worker=found.has_worker,
            rules=found.rules,
            home=found.home,
            is_one_page=found.is_one_page,
        )
        encoded = manifest.encode()
        digest = hashlib.sha256(encoded).digest()
        key = manifest_key(app_id, digest.hex())
        self._put(bundle.key, data)
        self._put(key, encoded)
        if brotli:
            built = build_variants(manifest, [memoryview(data)])
            assert built is not None
            self._put(variants_key(app_id, key), built)
        return EnvironmentRoute(number, digest, 1_700_000_000 + number, brotli)

    def _put(self, key: str, data: bytes) -> None:
        path = self.objects.local_path(key)
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def connect(self) -> Wire:
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout=60))

    def get(self, host: str, target: str = "/", method: str = "GET", **headers: str) -> Reply:
        """Sends one request on a separate connection. `_` in a header's name stands for `-`."""
        with self.connect() as wire:
            return wire.ask(host, target, method, **headers)

    def private(self, target: str, method: str = "GET") -> Reply:
        """Returns the answer of the private port."""
        with Wire(socket.create_connection(("127.0.0.1", self.private_port), timeout=60)) as wire:
            return wire.ask("127.0.0.1", target, method)

    def fast(self) -> int:
        """Returns the number of answers of the fast path."""
        return self.edge.recorder.on(FAST)


@dataclass(frozen=True)
class Reply:
    """A response as received. `body` is as sent, encoded or not."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def get(self, name: str) -> str | None:
        return self.headers.get(name)


class Wire:
    """A connection to the edge, byte by byte."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.buffer = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, host: str, target: str = "/", method: str = "GET", **headers: str) -> Reply:
        self.send(request(host, target, method, **headers))
        return self.reply(method)

    def reply(self, method: str = "GET") -> Reply:
        """Returns the next response on the connection. Fails the test if the connection ends before the response."""
        head = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            assert name not in headers, f"{name} is there twice"
            headers[name.lower()] = value
        status = int(first.split(" ")[1])
        length = 0 if method == "HEAD" or status in (204, 304) else int(headers["content-length"])
        return Reply(status, headers, self._exactly(length))

    def rest(self) -> bytes:
        """Returns all remaining bytes until the edge ends the connection."""
        while chunk := self.socket.recv(65536):
            self.buffer += chunk
        data, self.buffer = self.buffer, b""
        return data

    def _more(self) -> None:
        chunk = self.socket.recv(65536)
        assert chunk, f"the connection ended after {self.buffer[:200]!r}"
        self.buffer += chunk

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self._more()
        found, _, self.buffer = self.buffer.partition(mark)
        return found

    def _exactly(self, length: int) -> bytes:
        parts = [self.buffer[:length]]
        self.buffer = self.buffer[length:]
        have = len(parts[0])
        while have < length:
            chunk = self.socket.recv(min(1 << 20, length - have))
            assert chunk, f"the body ended after {have} of {length} bytes"
            parts.append(chunk)
            have += len(chunk)
        return b"".join(parts)


def request(host: str, target: str = "/", method: str = "GET", **headers: str) -> bytes:
    """Returns a request's bytes."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def unread(edge: RunningEdge) -> Wire:
    """Returns a connection with the smallest possible receive window."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plain.settimeout(60)
    plain.connect(("127.0.0.1", edge.port))
    return Wire(plain)
