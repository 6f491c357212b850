"""Live sites: the present content of each host, with prepared responses. A new version of a host is a new site."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Hashable

import msgspec

from easel.bundles import one_page
from easel.bundles.models import Member
from easel.bundles.pages import LARGEST
from easel.edge import weights
from easel.edge.cache.content import Content
from easel.edge.cache.lru import SingleFlight
from easel.edge.earlier_assets import EarlierAssets, load_earlier
from easel.edge.fast.prepared import Key, PreparedAnswer
from easel.edge.fast.stamped import StampedAnswers
from easel.edge.large_pages import LargePages
from easel.edge.live import LiveSite, manifest_key_of, page_weight, prepared_weight, rules_of
from easel.edge.make_pages import make_body, make_file, make_gzip, make_page, takes_script
from easel.edge.routing.table import EnvironmentRoute, Feed, Route, RouteTable
from easel.serving.models import DeferredBody, Encoding, File, Request, Site
from easel.serving.published import decoded
from easel.serving.respond import Representations, answer_file, needs_gzip, representations
from easel.serving.runtime import RUNTIME_PATH, page_hash, runtime_source

_PAGE_KEPT = 1024 * 1024
_LARGE_AT_ONCE = 64 * 1024 * 1024
"""Maximum number of bytes of large pages that are in memory at the same time while they are sent."""
_MOST_SITES = 4096
_MOST_HOSTS = 16384
_LONGEST_HOST = 255
_MOST_VERSIONS = 65536
_EARLIER_SHARE = 16
"""The memory of one site's earlier versions is limited to the memory budget divided by this number."""


class Sites:
    """The live sites by host label, built on demand from the routing table.

    The sites, their parts, and the memory that `others` reports stay within `budget` bytes together. The routing table
    is not counted, because no part of it can be evicted.
    """

    def __init__(
        self,
        table: RouteTable,
        feed: Feed,
        content: Content,
        *,
        budget: int,
        retention: float,
        others: Callable[[], int] = lambda: 0,
    ) -> None:
        self._table = table
        self._feed = feed
        self._content = content
        self._budget = budget
        self._others = others
        self._most_versions = min(_MOST_VERSIONS, budget // 16 // weights.VERSION)
        self._retention = retention
        self._live: OrderedDict[str, LiveSite] = OrderedDict()
        self._labels: dict[str, set[str]] = {}
        self._versions: OrderedDict[tuple[str, int], EnvironmentRoute | None] = OrderedDict()
        self._prunings: dict[str, int] = {}
        self._users: Counter[str] = Counter()
        self._recorded: SingleFlight[tuple[str, int], EnvironmentRoute | None] = SingleFlight()
        self._sites: SingleFlight[Hashable, LiveSite] = SingleFlight()
        self._gzips: SingleFlight[Hashable, bytes] = SingleFlight()
        self._pages: SingleFlight[Hashable, Representations | None] = SingleFlight()
        self._earlier: SingleFlight[LiveSite, EarlierAssets] = SingleFlight()
        # One site at a time loads earlier versions, because the memory for their manifests is known only afterwards.
        self._looking = asyncio.Lock()
        self.large = LargePages(min(_LARGE_AT_ONCE, max(3 * LARGEST, budget // 4)))
        self.by_host: dict[bytes, LiveSite] = {}
        """Sites by the raw value of the Host header, for the fast path. The routing table leads to all of them."""
        self.stamped = StampedAnswers()
        self.weight = 0
        """Bytes of the live sites, without their manifests."""
        table.on_change.append(self._changed)

    @property
    def versions_weight(self) -> int:
        """Returns the approximate memory (bytes) of the cached routes of numbered versions (`v3-shop`)."""
        return weights.VERSION * len(self._versions)

    @property
    def total(self) -> int:
        """Returns the approximate memory (bytes) that counts towards the memory budget."""
        return self.weight + self.versions_weight + self._content.weight + self.large.weight + self._others()

    def _changed(self, app_ids: Collection[str]) -> None:
        for app_id in app_ids:
            for label in list(self._labels.get(app_id, ())):
                route = self._table.find(label)
                live = self._live[label]
                if route is None or not live.serves(route):
                    self._drop(live)
                else:
                    live.app = route.app
            app = self._table.apps.get(app_id)
            prunings = app.prunings if app is not None else 0
            if prunings != self._prunings.get(app_id, 0):
                if prunings:
                    self._prunings[app_id] = prunings
                else:
                    del self._prunings[app_id]
                for key in [key for key in self._versions if key[0] == app_id]:
                    del self._versions[key]
                for label in list(self._labels.get(app_id, ())):
                    if self._live[label].is_version:
                        self._drop(self._live[label])

    async def get(self, label: str, route: Route) -> LiveSite | None:
        """Returns the live site of a host label such as `staging-shop`. Returns None if the address serves no version.
        Raises ObjectMissingError, StoreUnavailableError and, for a version's own address, the feed's errors."""
        live = self._live.get(label)
        if live is not None:
            self._live.move_to_end(label)
            return live
        serves = route.serves if route.version is None else await self._version(route.app.app_id, route.version)
        if serves is None:
            return None
        # After a deploy, many visitors may come at once. They share one site, because building it may take long.
        return await self._sites.run((label, route.app, serves), lambda: self._make(label, route, serves))

    async def _make(self, label: str, route: Route, serves: EnvironmentRoute) -> LiveSite:
        key = manifest_key_of(route.app, serves)
        manifest = await self._content.manifest(key)
        site = Site(
            app_id=route.app.app_id,
            slug=route.app.slug,
            environment=route.environment,
            version=serves.version,
            manifest=manifest,
            modified_at=int(serves.modified_at),
            published=decoded(route.app.site),
            rules=await rules_of(manifest),
            is_one_page=one_page.of_manifest(manifest),
        )
        live = LiveSite(label, route.app, serves, site, self._content.weight_of(key))
        # The environment may have moved to another version while the manifest was read. Only the visitors who came
        # before that get this site.
        now = self._table.find(label)
        if label not in self._live and now is not None and live.serves(now):
            self._live[label] = live
            self._labels.setdefault(live.app.app_id, set()).add(label)
            self._users[key] += 1
            self.weight += live.weight
            self._stay_within_budget()
        return live

    async def _version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        key = (app_id, number)
        if key in self._versions:
            return self._versions[key]
        # A version up to the app's last number never changes, so a version without files is cached too. If the version
        # is pruned later, a change of its app or the missing bundle shows that.
        route = await self._recorded.run(key, lambda: self._feed.version(app_id, number))
        self._versions[key] = route
        while len(self._versions) > self._most_versions:
            self._versions.popitem(last=False)
        return route

    def forget_version(self, label: str, app_id: str, number: int) -> None:
        """Evicts the site and the cached route of this version, so that the route is queried again."""
        self._versions.pop((app_id, number), None)
        if label in self._live:
            self._drop(self._live[label])

    def keep(
        self, live: LiveSite, host: bytes, key: Key, prepared: PreparedAnswer, *, of_pattern: bool = False
    ) -> None:
        """Caches a prepared response, so that the fast path finds it under this Host header. `of_pattern` means that it
        is a redirect from a path pattern. Such redirects are limited, because countless addresses match a pattern."""
        if self._live.get(live.label) is not live:
            return
        if of_pattern:
            self._grow(live, live.keep_by_pattern(key, prepared))
        elif key not in live.prepared:
            live.prepared[key] = prepared
            self._grow(live, prepared_weight(key, prepared))
        if len(host) > _LONGEST_HOST or host in live.hosts or self._live.get(live.label) is not live:
            return
        if len(self.by_host) >= _MOST_HOSTS:
            self._forget_hosts()
        self.by_host[host] = live
        live.hosts.add(host)
        self._grow(live, weights.HOST + len(host))

    def _forget_hosts(self) -> None:
        for live in self._live.values():
            freed = sum(weights.HOST + len(host) for host in live.hosts)
            live.hosts.clear()
            live.weight -= freed
            self.weight -= freed
        self.by_host.clear()

    def _grow(self, live: LiveSite, weight: int) -> None:
        live.weight += weight
        if self._live.get(live.label) is live:
            self.weight += weight
            self._stay_within_budget()

    def _stay_within_budget(self) -> None:
        """Evicts sites until the budget is met. The heaviest site is evicted first, so that no site can displace other
        sites."""
        while len(self._live) > _MOST_SITES:
            self._drop(next(iter(self._live.values())))
        excess = self.total - self._budget
        while excess > 0 and (self.large.evict_one() or self._content.inflated.evict_one()):
            excess = self.total - self._budget
        if excess > 0:
            self.stamped.clear()
        # The excess is only estimated from here on, because responses that are being sent still hold the evicted bytes.
        while excess > 0 and len(self._live) > 1:
            heaviest = max(self._live.values(), key=self._burden)
            freed = heaviest.shed()
            self.weight -= freed
            if not freed:
                freed = heaviest.weight + (heaviest.manifest_weight if self._users[heaviest.manifest_key] == 1 else 0)
                self._drop(heaviest)
            excess -= freed
        if excess > 0:
            for live in self._live.values():
                self.weight -= live.shed()

    def _burden(self, live: LiveSite) -> float:
        return live.weight + live.manifest_weight / self._users[live.manifest_key]

    def _drop(self, live: LiveSite) -> None:
        del self._live[live.label]
        labels = self._labels[live.app.app_id]
        labels.discard(live.label)
        if not labels:
            del self._labels[live.app.app_id]
        self.weight -= live.weight
        self.large.forget(live)
        self._users[live.manifest_key] -= 1
        if not self._users[live.manifest_key]:
            del self._users[live.manifest_key]
            self._content.forget_manifest(live.manifest_key)
        for host in live.hosts:
            self.by_host.pop(host, None)
        live.hosts.clear()
        self.stamped.clear()

    async def earlier(self, live: LiveSite, path: str) -> File | None:
        """Returns the file at the path from the newest earlier version of the environment that has it, or None. Browser
        tabs that were open before a deploy request such files. Raises StoreUnavailableError."""
        if live.earlier is None:
            await self._earlier.run(live, lambda: self._load_earlier(live))
            assert live.earlier is not None
        return live.earlier.find(path, not_before=time.time() - self._table.ahead - self._retention)

    async def _load_earlier(self, live: LiveSite) -> EarlierAssets:
        async with self._looking:
            most = self._budget // _EARLIER_SHARE
            live.earlier = await load_earlier(self._content, live.site, live.route.earlier, most=most)
        self._grow(live, live.earlier.weight)
        return live.earlier

    async def ready(self, live: LiveSite, file: File, request: Request) -> Representations:
        """Returns the bodies of a file that can answer the request: a page with the runtime object in it, or the
        unchanged file.

        A page of more than a mebibyte is sent unchanged if it takes no script, or while too many large pages are being
        sent. Raises ObjectMissingError, StoreUnavailableError, DamagedDataError.
        """
        page = await self._page(live, file, request) if file.is_html or file.path == RUNTIME_PATH else None
        if page is not None:
            return page
        variants = live.variants if file.source is live.site else None
        made = await self._content.variants(variants, file.member, in_parts=request.range is not None)
        ready = representations(file, made)
        if needs_gzip(file, ready, request, has_variants=variants is not None):
            ready.bodies["gzip"] = await self._gzips.run((live, file.path), lambda: self._gzip(file))
        return ready

    async def _gzip(self, file: File) -> bytes:
        member, view = await self._source(file)
        return await asyncio.to_thread(make_gzip, member, view)

    async def _page(self, live: LiveSite, file: File, request: Request) -> Representations | None:
        page = live.pages.get(file.path)
        if page is not None:
            return page
        changed = live.changes(file.member)
        # With an inline script, the page contains the public variables and is longer by about their length.
        size = file.member.size + (len(live.app.site) if changed else 0)
        if size > _PAGE_KEPT and file.path != RUNTIME_PATH:
            return await self._large_page(live, file, request, size) if changed else None

        async def make() -> Representations:
            if file.path == RUNTIME_PATH:
                made = await asyncio.to_thread(lambda: make_file(runtime_source(live.site)))
            else:
                member, view = await self._source(file)
                made = await asyncio.to_thread(lambda: make_page(member, view, live.script() if changed else b""))
            live.pages[file.path] = made
            self._grow(live, page_weight(made))
            return made

        return await self._pages.run((live, file.path), make)

    async def _large_page(self, live: LiveSite, file: File, request: Request, size: int) -> Representations | None:
        """Returns the representations of a large page. Only the body that answers the request is built. Returns None if
        the page is sent unchanged."""
        outline = live.outlines.get(file.path)
        if outline is None:
            outline = await self._pages.run((live, file.path), lambda: self._outline(live, file))
        if outline is None:
            return None
        wanted = answer_file(live.site, file, outline, request).body
        if not isinstance(wanted, DeferredBody) or (request.method == "HEAD" and outline.lengths[wanted.encoding]):
            return outline
        encoding = wanted.encoding

        async def make() -> Representations:
            member, view = await self._source(file)
            body = await asyncio.to_thread(lambda: make_body(member, view, live.script(), encoding))
            outline.lengths[encoding] = len(body)
            return Representations(outline.hash, outline.size, {encoding: body}, outline.lengths)

        key = (live, file.path, encoding)
        page = self.large.get(key) or await self._pages.run(key, lambda: self.large.make(key, size, make))
        self._stay_within_budget()
        return page

    async def _outline(self, live: LiveSite, file: File) -> Representations | None:
        if file.member.place is None:
            member, view = await self._source(file)
            if not await asyncio.to_thread(takes_script, member, view):
                return None
        script = await asyncio.to_thread(live.script)
        size = file.member.size + len(script)
        lengths: dict[Encoding, int] = {"identity": size, "gzip": 0, "br": 0, "zstd": 0}
        outline = Representations(page_hash(file.member.hash, script), size, {}, lengths)
        live.outlines[file.path] = outline
        self._grow(live, weights.PAGE)
        return outline

    async def _source(self, file: File) -> tuple[Member, memoryview]:
        """Returns the record and the stored bytes of a file. Raises ObjectMissingError, StoreUnavailableError."""
        manifest, member = file.source.manifest, file.member
        if manifest.entry and member is manifest.files.get(manifest.home):
            return msgspec.structs.replace(member, offset=0), memoryview(manifest.entry)
        return member, await self._content.bundle(manifest, member)
