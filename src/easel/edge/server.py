"""Runs the edge: the routing table, the feed that keeps this table current, and the uvicorn server with the fast
path."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping

import uvicorn

from easel.connections.private import PrivateApp, Readiness, private_port
from easel.edge import asgi_request
from easel.edge.app import EdgeApp
from easel.edge.cache.content import Content
from easel.edge.cache.disk import DiskCache
from easel.edge.cache.manifests import ManifestCache
from easel.edge.cache.watched_store import EdgeStore
from easel.edge.fast.known_heads import KnownHeads
from easel.edge.fast.plain_request import codes_weight
from easel.edge.fast.protocol import edge_protocol
from easel.edge.make_pages import warm
from easel.edge.metrics import exposition, registry
from easel.edge.recorder import Recorder
from easel.edge.routing.feed import DatabaseFeed
from easel.edge.routing.freshness import Freshness
from easel.edge.routing.saved_routes import RouteSaver
from easel.edge.routing.table import AppRoute, Feed, RouteTable
from easel.edge.sites import Sites
from easel.settings import Settings
from easel.storage.channels import CHANGES_CHANNEL
from easel.storage.freshness import FreshnessPage
from easel.storage.notifications import Listener
from easel.storage.objects import ObjectStore

logger = logging.getLogger(__name__)

POLL = 2.0
"""Interval in seconds of polling for changes whose notification was lost."""
DRAIN = 30
"""Timeout in seconds for running responses during a shutdown."""


class Edge:
    """The parts of one edge process: it accepts connections, finds each host in the routing table, and sends files from
    the object store."""

    def __init__(
        self, settings: Settings, objects: ObjectStore, page: FreshnessPage, table: RouteTable, feed: Feed
    ) -> None:
        self._settings = settings
        self.freshness = Freshness(page, feed.refresh, timeout=settings.refresh_timeout)
        self.recorder = Recorder()
        store = EdgeStore(objects)
        folder = settings.edge_dir
        self.disk = DiskCache(store, folder, budget=settings.edge_disk_bytes * 15 // 16)
        kept = ManifestCache(folder / "manifests", budget=settings.edge_disk_bytes // 16, reserve=objects.reserve)
        self.content = content = Content(store, self.disk, kept, budget=settings.edge_cache_bytes // 4)
        self.known = KnownHeads()
        self.sites = Sites(
            table,
            feed,
            content,
            budget=settings.edge_cache_bytes,
            retention=settings.skew_retention,
            others=lambda: self._requests_weight() + self.disk.bookkeeping + self.disk.in_memory,
        )
        self._read = asgi_request.fields((settings.country_header or "").lower().encode())
        self.app = EdgeApp(
            table,
            self.sites,
            content,
            store,
            self.freshness,
            self.recorder,
            domain=settings.domain,
            scheme=settings.edge_scheme,
            read=self._read,
        )
        metrics = registry(self.recorder, self.freshness, table, self.sites, content, store, self._requests_weight)

        async def measured() -> bytes:
            store.look()
            return exposition(metrics)

        async def readiness() -> Readiness:
            return self.app.readiness()

        self.private = PrivateApp(measured, readiness)

    def _requests_weight(self) -> int:
        return self.known.weight + codes_weight() + self.sites.stamped.weight

    def server(self) -> uvicorn.Server:
        """Returns the HTTP server of the edge. Run it with its method `serve`."""
        return uvicorn.Server(
            uvicorn.Config(
                self.app,
                host=self._settings.edge_host,
                port=self._settings.edge_port,
                http=edge_protocol(self.sites, self.freshness, self.known, asgi_request.heeded(self._read)),
                ws="none",
                lifespan="off",
                loop="uvloop",
                server_header=False,
                access_log=False,
                log_config=None,
                timeout_keep_alive=self._settings.keep_alive,
                timeout_graceful_shutdown=DRAIN,
            )
        )


class Follower:
    """Keeps an edge's routing table current in the background. It waits for notifications from the database, and also
    polls."""

    def __init__(self, database_url: str, freshness: Freshness) -> None:
        self._freshness = freshness
        self._listener = Listener(database_url, {CHANGES_CHANNEL: self._changed}, on_connect=self._connected)
        self._poller: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts to follow changes of the routes in the background."""
        self._listener.start()
        self._poller = asyncio.create_task(self._poll(), name="poll")

    async def stop(self) -> None:
        """Stops following changes of the routes."""
        if self._poller is not None:
            self._poller.cancel()
        await self._listener.stop()

    def _changed(self, _app_id: str) -> None:
        self._look()

    async def _connected(self) -> None:
        self._look()

    def _look(self) -> None:
        self._freshness.catch_up().add_done_callback(_ignore_failure)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            self._look()


async def serve_edge(
    settings: Settings,
    database_url: str,
    objects: ObjectStore,
    page: FreshnessPage,
    sockets: list[socket.socket],
    private: socket.socket | None,
    known: Mapping[str, AppRoute] | None = None,
    check_schema: Callable[[], None] | None = None,
) -> None:
    """Serves visitors on `sockets` and metrics on the `private` socket, until the process is told to stop.

    `known` contains saved routes. If it is given, the database is unreachable. These routes are then served until the
    database is reachable and has this release's schema. `check_schema` raises an EaselError until then.
    """
    table = RouteTable()
    keeper = RouteSaver(table, settings.edge_dir, database_url, objects.reserve)
    feed = DatabaseFeed(
        database_url,
        table,
        retention=settings.skew_retention,
        on_confirmed=keeper.confirm,
        check_schema=check_schema,
    )
    edge = Edge(settings, objects, page, table, feed)
    follower = Follower(database_url, edge.freshness)
    edge.disk.take_over()
    await feed.open()
    if known is None:
        await feed.refresh()
    else:
        table.apply(known)
        edge.freshness.healthy = False
    keeper.start()
    follower.start()
    await asyncio.to_thread(warm)
    edge.app.ready = True
    try:
        async with private_port(edge.private, private):
            await edge.server().serve(sockets=sockets)
    finally:
        await follower.stop()
        await keeper.stop()
        await feed.close()


def _ignore_failure(task: asyncio.Task[None]) -> None:
    """Logs the error if a query for changes has failed. The query is repeated at the next change or poll. Until then,
    the edge serves its known routes."""
    if not task.cancelled() and task.exception() is not None:
        logger.debug("could not query the database for changes: %s", task.exception())
