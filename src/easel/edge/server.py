"""Running the edge: the table, its feed, and uvicorn with the fast path."""

from __future__ import annotations

import asyncio
import logging
import socket

import uvicorn

from easel.edge.app import EdgeApp
from easel.edge.content import Content
from easel.edge.feed import DatabaseFeed
from easel.edge.freshness import Freshness
from easel.edge.metrics import Counts, registry
from easel.edge.protocol import edge_protocol
from easel.edge.routes import RouteTable
from easel.edge.sites import Sites
from easel.settings import Settings
from easel.storage.channels import CHANGES_CHANNEL
from easel.storage.freshness import FreshnessPage
from easel.storage.notifications import Listener
from easel.storage.objects import ObjectStore

logger = logging.getLogger(__name__)

POLL = 2.0
"""Seconds between two looks for changes whose notification was lost."""


class Edge:
    """One edge process: everything between the socket and the store."""

    def __init__(self, settings: Settings, database_url: str, objects: ObjectStore, page: FreshnessPage) -> None:
        self.settings = settings
        self.table = RouteTable()
        self.feed = DatabaseFeed(database_url, self.table, retention=settings.skew_retention)
        self.content = Content(objects, settings.scratch_dir)
        self.sites = Sites(
            self.table,
            self.feed,
            self.content,
            budget=settings.edge_cache_bytes,
            retention=settings.skew_retention,
        )
        self.freshness = Freshness(page, self._refresh, timeout=settings.refresh_timeout)
        self.counts = Counts()
        self.app = EdgeApp(
            self.table,
            self.sites,
            self.content,
            self.freshness,
            self.counts,
            registry(self.counts, self.freshness, self.sites),
            domain=settings.domain,
        )
        self._listener = Listener(database_url, {CHANGES_CHANNEL: self._changed}, on_connect=self._connected)
        self._poller: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Loads the routing table and begins to listen for changes."""
        await self.feed.open()
        self._listener.start()
        self._poller = asyncio.create_task(self._poll(), name="poll")
        self.app.ready = True

    async def stop(self) -> None:
        """Lets go of the database."""
        if self._poller is not None:
            self._poller.cancel()
        await self._listener.stop()
        await self.feed.close()

    async def _refresh(self) -> None:
        await self.feed.refresh()
        self.sites.forget_outdated()

    def _changed(self, _app_id: str) -> None:
        self._look()

    async def _connected(self) -> None:
        self._look()

    def _look(self) -> None:
        self.freshness.catch_up().add_done_callback(_ignore_failure)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            self._look()

    def server(self) -> uvicorn.Server:
        """The HTTP server, to be run with `serve`."""
        return uvicorn.Server(
            uvicorn.Config(
                self.app,
                host=self.settings.edge_host,
                port=self.settings.edge_port,
                http=edge_protocol(self.sites, self.freshness, self.counts),
                ws="none",
                lifespan="off",
                loop="uvloop",
                server_header=False,
                access_log=False,
                log_config=None,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=30,
            )
        )


async def serve_edge(
    settings: Settings, database_url: str, objects: ObjectStore, page: FreshnessPage, sockets: list[socket.socket]
) -> None:
    """Serves visitors on the given sockets until told to stop."""
    edge = Edge(settings, database_url, objects, page)
    await edge.start()
    try:
        await edge.server().serve(sockets=sockets)
    finally:
        await edge.stop()


def _ignore_failure(task: asyncio.Task[None]) -> None:
    """A look that failed is made again at the next change or poll; the edge serves what it has meanwhile."""
    if not task.cancelled() and task.exception() is not None:
        logger.debug("could not look for changes: %s", task.exception())
