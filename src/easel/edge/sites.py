"""Live sites: what each host serves right now, with its prepared answers. A moved pointer makes a new one."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

import brotli
import msgspec
from isal import isal_zlib

from easel.bundles.inflate import DamagedDataError
from easel.bundles.models import Member
from easel.bundles.read import content as read_content
from easel.edge.content import Content
from easel.edge.routes import AppRoute, EnvironmentRoute, Feed, Route, RouteTable
from easel.serving.models import Encoding, File, Site
from easel.serving.resolve import earlier_file
from easel.serving.respond import Representations, representations
from easel.serving.runtime import inject, page_hash, runtime_script
from easel.storage.errors import ObjectMissingError, StoreUnavailableError

PREPARED_LARGEST = 64 * 1024
"""The largest body (bytes) that is kept ready in memory."""


@dataclass(slots=True)
class Prepared:
    """A complete answer, ready to be written: everything but the Date and the request's id."""

    head: bytes
    body: bytes
    etag: bytes
    not_modified: bytes

    @property
    def weight(self) -> int:
        """How many bytes it keeps in memory, about."""
        return len(self.head) + len(self.body) + len(self.not_modified) + 300


class LiveSite:
    """A site with what was made for it: pages with the runtime object in them, and prepared answers."""

    __slots__ = ("app", "earlier", "pages", "prepared", "route", "script", "site", "slot")

    def __init__(self, app: AppRoute, route: EnvironmentRoute, site: Site) -> None:
        self.app = app
        self.route = route
        self.site = site
        self.slot = app.slot
        self.script = runtime_script(site)
        self.prepared: dict[tuple[bytes, object], Prepared] = {}
        self.pages: dict[str, Representations] = {}
        self.earlier: list[Site] | None = None


class Sites:
    """The live sites by host, made on demand from the routing table."""

    def __init__(self, table: RouteTable, feed: Feed, content: Content, *, budget: int, retention: float) -> None:
        self._table = table
        self._feed = feed
        self._content = content
        self._budget = budget
        self._retention = retention
        self._live: OrderedDict[str, LiveSite] = OrderedDict()
        self._versions: OrderedDict[tuple[str, int], EnvironmentRoute] = OrderedDict()
        self._making: dict[str, asyncio.Lock] = {}
        self.by_host: dict[bytes, LiveSite] = {}
        """What the fast path looks up by the raw Host header. Whatever is in it is checked against the table."""
        self.prepared_bytes = 0
        self._generation = -1

    def forget_outdated(self) -> None:
        """Drops every live site whose route is no longer the table's."""
        if self._generation == self._table.generation:
            return
        self._generation = self._table.generation
        for label in [label for label, live in self._live.items() if not self._is_current(label, live)]:
            del self._live[label]
        kept = set(map(id, self._live.values()))
        self.by_host = {host: live for host, live in self.by_host.items() if id(live) in kept}
        self.prepared_bytes = sum(p.weight for live in self._live.values() for p in live.prepared.values())

    def _is_current(self, label: str, live: LiveSite) -> bool:
        route = self._table.find(label)
        if route is None or route.app is not live.app:
            return False
        return route.version is not None or route.serves is live.route

    async def get(self, label: str, route: Route) -> LiveSite | None:
        """The live site for the host label, or None when its address serves nothing.

        Raises ObjectMissingError, StoreUnavailableError and, for a version's address, the feed's errors.
        """
        live = self._live.get(label)
        if live is not None and live.app is route.app and (route.version is not None or live.route is route.serves):
            self._live.move_to_end(label)
            return live
        serves = route.serves if route.version is None else await self._version(route.app.app_id, route.version)
        if serves is None:
            return None
        manifest = await self._content.manifest(serves.manifest_key)
        site = Site(
            app_id=route.app.app_id,
            slug=route.app.slug,
            environment=route.environment,
            version=serves.version,
            manifest=manifest,
            modified_at=int(serves.modified_at),
            indexable=route.app.indexable and route.environment == "production",
            variables=route.app.variables,
        )
        live = LiveSite(route.app, serves, site)
        self._live[label] = live
        while len(self._live) > 4096:
            self._drop(next(iter(self._live)))
        return live

    async def _version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        key = (app_id, number)
        route = self._versions.get(key)
        if route is None:
            route = await self._feed.version(app_id, number)
            if route is None:
                return None
            self._versions[key] = route
            while len(self._versions) > 65536:
                self._versions.popitem(last=False)
        return route

    def remember_host(self, host: bytes, live: LiveSite) -> None:
        """Lets the fast path find the site by this Host header."""
        if len(self.by_host) >= 16384:
            self.by_host.clear()
        self.by_host[host] = live

    def keep(self, live: LiveSite, key: tuple[bytes, object], prepared: Prepared) -> None:
        """Keeps a prepared answer with its site, within the budget of all sites together."""
        if key in live.prepared:
            return
        self.prepared_bytes += prepared.weight
        live.prepared[key] = prepared
        while self.prepared_bytes > self._budget and self._live:
            label = next(iter(self._live))
            self._drop(label)

    def _drop(self, label: str) -> None:
        live = self._live.pop(label)
        self.prepared_bytes -= sum(prepared.weight for prepared in live.prepared.values())
        live.prepared.clear()
        for host in [host for host, known in self.by_host.items() if known is live]:
            del self.by_host[host]

    async def earlier(self, live: LiveSite, path: str) -> File | None:
        """The file as the newest earlier version of the same environment has it, for tabs opened before a deploy."""
        if live.earlier is None:
            oldest = time.time() - self._retention
            sites = []
            for version in live.route.earlier:
                if version.until < oldest:
                    continue
                try:
                    manifest = await self._content.manifest(version.manifest_key)
                except (ObjectMissingError, StoreUnavailableError, msgspec.MsgspecError):
                    continue
                sites.append(
                    Site(
                        app_id=live.site.app_id,
                        slug=live.site.slug,
                        environment=live.site.environment,
                        version=version.version,
                        manifest=manifest,
                        modified_at=live.site.modified_at,
                        indexable=live.site.indexable,
                    )
                )
            live.earlier = sites
        return next((file for site in live.earlier if (file := earlier_file(site, path)) is not None), None)

    async def ready(self, live: LiveSite, file: File) -> Representations:
        """The representations of a file: a page with the runtime object in it, or the file as it lies.

        Raises ObjectMissingError, StoreUnavailableError, DamagedDataError.
        """
        if not file.is_html:
            variants = live.route.variants_key if file.source is live.site else None
            return representations(file, await self._content.brotli(variants, file.member))
        page = live.pages.get(file.path)
        if page is None:
            content = await self.read(file.source, file.member)
            page = await asyncio.to_thread(_page, content, live.script, file.member.hash)
            if page.size <= 1024 * 1024:
                live.pages[file.path] = page
        return page

    async def read(self, source: Site, member: Member) -> bytes:
        """The whole content of a file. Raises ObjectMissingError, StoreUnavailableError, DamagedDataError."""
        bundle = await self._content.bundle(source.manifest, member)
        if member.size > 1024 * 1024:
            content = await asyncio.to_thread(read_content, member, bundle)
        else:
            content = read_content(member, bundle)
        if len(content) != member.size:
            raise DamagedDataError("a file in the store has another length than it was recorded with")
        return content


def _page(content: bytes, script: bytes, content_hash: str) -> Representations:
    page = inject(content, script)
    bodies: dict[Encoding, bytes] = {"identity": page}
    if len(page) >= 256:
        bodies["gzip"] = isal_zlib.compress(page, 2, 31)
        bodies["br"] = brotli.compress(page, quality=5 if len(page) < 512 * 1024 else 2)
    return Representations(hash=page_hash(content_hash, script), size=len(page), bodies=bodies)
