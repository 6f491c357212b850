"""Live sites: what each host serves right now, with its prepared answers. A moved pointer makes a new one."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection

import brotli
import msgspec
from isal import isal_zlib

from easel.bundles.inflate import DamagedDataError
from easel.bundles.models import Member
from easel.bundles.read import content as read_content
from easel.bundles.root import ENTRY_POINT
from easel.edge.cache import SingleFlight
from easel.edge.content import FILE_WEIGHT, Content
from easel.edge.earlier import EarlierAssets, load_earlier
from easel.edge.large import LargePages
from easel.edge.prepared import Key, Prepared
from easel.edge.routes import AppRoute, EnvironmentRoute, Feed, Route, RouteTable
from easel.serving.addresses import version_environment
from easel.serving.models import Encoding, File, Site
from easel.serving.respond import Representations, representations
from easel.serving.runtime import inject, page_hash, runtime_script
from easel.versions.keys import manifest_key, variants_key

PAGE_LARGEST = 8 * 1024 * 1024
"""The largest page (bytes) that gets the runtime object. A larger one is no page a person reads; it is streamed."""
_PAGE_KEPT = 1024 * 1024
_LARGE_AT_ONCE = 64 * 1024 * 1024
"""Bytes of larger pages that are in memory at a time, while they are sent."""
_MOST_SITES = 4096
_MOST_HOSTS = 16384
_LONGEST_HOST = 255
_MOST_VERSIONS = 65536


class LiveSite:
    """A site with what was made for it: pages with the runtime object in them, and prepared answers.

    `weight` is about how many bytes all of it takes in memory.
    """

    __slots__ = (
        "app",
        "earlier",
        "hosts",
        "label",
        "pages",
        "prepared",
        "route",
        "script",
        "site",
        "slot",
        "variants",
        "weight",
    )

    def __init__(self, label: str, app: AppRoute, route: EnvironmentRoute, site: Site) -> None:
        self.label = label
        self.app = app
        self.route = route
        self.site = site
        self.slot = app.slot
        self.variants = variants_key(app.app_id, _manifest_key(app, route)) if route.has_variants else None
        self.script = runtime_script(site)
        self.prepared: dict[Key, Prepared] = {}
        self.pages: dict[str, Representations] = {}
        self.earlier: EarlierAssets | None = None
        self.hosts: set[bytes] = set()
        self.weight = FILE_WEIGHT * (len(site.manifest.files) + 5) + len(site.manifest.entry)

    @property
    def is_version(self) -> bool:
        """Whether this is a version's own address."""
        return self.site.environment == version_environment(self.site.version)

    def serves(self, route: Route) -> bool:
        """Whether this is still what the route leads to: the same version, told the same about itself."""
        return (
            route.app.app_id == self.app.app_id
            and (route.version is not None or route.serves == self.route)
            and route.environment == self.site.environment
            and route.app.slug == self.app.slug
            and route.app.indexable == self.app.indexable
            and route.app.variables_json == self.app.variables_json
        )

    def shed(self) -> int:
        """Lets the older half of what was made go; gives how many bytes that was."""
        freed = 0
        for key in list(self.prepared)[: (len(self.prepared) + 1) // 2]:
            freed += self.prepared.pop(key).weight
        for path in list(self.pages)[: (len(self.pages) + 1) // 2]:
            freed += _weight(self.pages.pop(path))
        self.weight -= freed
        return freed


class Sites:
    """The live sites by host label, made on demand from the routing table, within `budget` bytes of memory."""

    def __init__(self, table: RouteTable, feed: Feed, content: Content, *, budget: int, retention: float) -> None:
        self._table = table
        self._feed = feed
        self._content = content
        self._budget = budget
        self._retention = retention
        self._live: OrderedDict[str, LiveSite] = OrderedDict()
        self._labels: dict[str, set[str]] = {}
        self._versions: OrderedDict[tuple[str, int], EnvironmentRoute | None] = OrderedDict()
        self._prunings: dict[str, int] = {}
        self._pages: SingleFlight[tuple[LiveSite, str], Representations | None] = SingleFlight()
        self.large = LargePages(_LARGE_AT_ONCE)
        self.by_host: dict[bytes, LiveSite] = {}
        """What the fast path looks up by the raw Host header: only sites that the table leads to at this moment."""
        self.weight = 0
        table.on_change.append(self._changed)

    def _changed(self, app_ids: Collection[str]) -> None:
        for app_id in app_ids:
            for label in list(self._labels.get(app_id, ())):
                route = self._table.find(label)
                if route is None or not self._live[label].serves(route):
                    self._drop(self._live[label])
            app = self._table.apps.get(app_id)
            prunings = app.prunings if app is not None else 0
            if prunings != self._prunings.get(app_id, 0):
                self._prunings[app_id] = prunings
                for key in [key for key in self._versions if key[0] == app_id]:
                    del self._versions[key]
                for label in list(self._labels.get(app_id, ())):
                    if self._live[label].is_version:
                        self._drop(self._live[label])

    async def get(self, label: str, route: Route) -> LiveSite | None:
        """The live site for the host label, or None when its address serves nothing.

        Raises ObjectMissingError, StoreUnavailableError and, for a version's address, the feed's errors.
        """
        live = self._live.get(label)
        if live is not None:
            self._live.move_to_end(label)
            return live
        serves = route.serves if route.version is None else await self._version(route.app.app_id, route.version)
        if serves is None:
            return None
        site = Site(
            app_id=route.app.app_id,
            slug=route.app.slug,
            environment=route.environment,
            version=serves.version,
            manifest=await self._content.manifest(_manifest_key(route.app, serves)),
            modified_at=int(serves.modified_at),
            indexable=route.app.indexable and route.environment == "production",
            variables=route.app.variables,
        )
        live = LiveSite(label, route.app, serves, site)
        # The pointer may have moved while the manifest was read. Then this visitor, who came before, is the only one
        # to get this site.
        now = self._table.find(label)
        if label not in self._live and now is not None and live.serves(now):
            self._live[label] = live
            self._labels.setdefault(live.app.app_id, set()).add(label)
            self.weight += live.weight
            self._stay_within_budget()
        return live

    async def _version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        key = (app_id, number)
        if key in self._versions:
            return self._versions[key]
        # A number at or below the app's last is recorded, for good: that it has no files is kept as well. That it was
        # pruned since is noticed by its app's change, or by its bundle, which is missing.
        route = await self._feed.version(app_id, number)
        self._versions[key] = route
        while len(self._versions) > _MOST_VERSIONS:
            self._versions.popitem(last=False)
        return route

    def forget_version(self, label: str, app_id: str, number: int) -> None:
        """Has what this version's address serves be asked for again."""
        self._versions.pop((app_id, number), None)
        if label in self._live:
            self._drop(self._live[label])

    def keep(self, live: LiveSite, host: bytes, key: Key, prepared: Prepared) -> None:
        """Keeps a prepared answer for the fast path, and lets it find the site by this Host header."""
        if self._live.get(live.label) is not live:
            return
        if key not in live.prepared:
            live.prepared[key] = prepared
            self._grow(live, prepared.weight)
        if len(host) <= _LONGEST_HOST and self._live.get(live.label) is live:
            if len(self.by_host) >= _MOST_HOSTS:
                self._forget_hosts()
            self.by_host[host] = live
            live.hosts.add(host)

    def _forget_hosts(self) -> None:
        for live in self.by_host.values():
            live.hosts.clear()
        self.by_host.clear()

    def _grow(self, live: LiveSite, weight: int) -> None:
        live.weight += weight
        if self._live.get(live.label) is live:
            self.weight += weight
            self._stay_within_budget()

    def _stay_within_budget(self) -> None:
        """Takes from the heaviest site first, so that none can push the others out of memory."""
        while len(self._live) > _MOST_SITES:
            self._drop(next(iter(self._live.values())))
        while self.weight > self._budget and len(self._live) > 1:
            heaviest = max(self._live.values(), key=lambda live: live.weight)
            freed = heaviest.shed()
            self.weight -= freed
            if not freed:
                self._drop(heaviest)
        if self.weight > self._budget:
            for live in self._live.values():
                self.weight -= live.shed()

    def _drop(self, live: LiveSite) -> None:
        del self._live[live.label]
        labels = self._labels[live.app.app_id]
        labels.discard(live.label)
        if not labels:
            del self._labels[live.app.app_id]
        self.weight -= live.weight
        for host in live.hosts:
            self.by_host.pop(host, None)
        live.hosts.clear()

    async def earlier(self, live: LiveSite, path: str) -> File | None:
        """The file as the newest earlier version of the same environment has it, for tabs opened before a deploy.

        Raises StoreUnavailableError.
        """
        if live.earlier is None:
            live.earlier = await load_earlier(self._content, live.site, live.route.earlier)
            self._grow(live, FILE_WEIGHT * len(live.earlier.files))
        return live.earlier.find(path, not_before=time.time() - self._table.ahead - self._retention)

    async def ready(self, live: LiveSite, file: File) -> Representations:
        """The representations of a file: a page with the runtime object in it, or the file as it lies.

        A page of more than a mebibyte is sent as it lies as well while too many others are being sent.

        Raises ObjectMissingError, StoreUnavailableError, DamagedDataError.
        """
        page = await self._page(live, file) if file.is_html and file.member.size <= PAGE_LARGEST else None
        if page is not None:
            return page
        variants = live.variants if file.source is live.site else None
        return representations(file, await self._content.brotli(variants, file.member))

    async def _page(self, live: LiveSite, file: File) -> Representations | None:
        key = (live, file.path)
        page = live.pages.get(file.path) or self.large.get(key)
        if page is not None:
            return page

        async def make() -> Representations:
            content = await self._read(file.source, file.member)
            return await asyncio.to_thread(_page, content, live.script, file.member.hash)

        async def keep() -> Representations:
            made = live.pages[file.path] = await make()
            self._grow(live, _weight(made))
            return made

        if file.member.size <= _PAGE_KEPT:
            return await self._pages.run(key, keep)
        return await self._pages.run(key, lambda: self.large.make(key, file.member.size, make))

    async def _read(self, source: Site, member: Member) -> bytes:
        manifest = source.manifest
        if manifest.entry and member is manifest.files.get(ENTRY_POINT):
            content = read_content(msgspec.structs.replace(member, offset=0), memoryview(manifest.entry))
        else:
            content = read_content(member, await self._content.bundle(manifest, member))
        if len(content) != member.size:
            raise DamagedDataError("a file in the store has another length than it was recorded with")
        return content


def _manifest_key(app: AppRoute, route: EnvironmentRoute) -> str:
    return manifest_key(app.app_id, route.manifest.hex())


def warm() -> None:
    """Makes a page for nobody: the first of a thread takes a millisecond longer, in which a visitor would wait."""
    _page(b"<!doctype html>" * 100, b"", "")


def _page(content: bytes, script: bytes, content_hash: str) -> Representations:
    page = inject(content, script)
    bodies: dict[Encoding, bytes] = {"identity": page}
    if len(page) >= 256:
        bodies["gzip"] = isal_zlib.compress(page, 2, 31)
        bodies["br"] = brotli.compress(page, quality=5 if len(page) < 512 * 1024 else 2)
    return Representations(hash=page_hash(content_hash, script), size=len(page), bodies=bodies)


def _weight(page: Representations) -> int:
    return sum(map(len, page.bodies.values())) + 500
