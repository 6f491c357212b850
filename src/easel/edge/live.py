"""A live site: the content that a host serves at present, with prepared responses for the fast path."""

from __future__ import annotations

import asyncio
from typing import Final

from easel.bundles.models import NO_PLACE, Manifest, Member
from easel.bundles.pages import LARGEST
from easel.edge import weights
from easel.edge.earlier_assets import EarlierAssets
from easel.edge.fast.prepared import Key, PreparedAnswer
from easel.edge.routing.table import AppRoute, EnvironmentRoute, Route
from easel.serving.addresses import version_environment
from easel.serving.models import Site
from easel.serving.respond import Representations
from easel.serving.runtime import EXTERNAL_SCRIPT, cached_page_script, runtime_script
from easel.serving.site_rules import MANY, SiteRules, site_rules
from easel.storage.object_names import manifest_key, variants_key

_MOST_BY_PATTERN: Final = 256
_LARGEST_BY_PATTERN: Final = 4096
"""Two limits of the prepared redirects from rules with a path pattern: their number for each site, and the number of
bytes of one redirect."""


class LiveSite:
    """The content that a host serves at present: a site, its cached pages (with the runtime object in them), and its
    prepared answers (responses for the fast path). `weight` is the approximate memory of the pages and answers in
    bytes. `manifest_weight` is the memory of the manifest in bytes. Several sites may share a manifest."""

    __slots__ = (
        "app",
        "by_pattern",
        "earlier",
        "hosts",
        "label",
        "manifest_key",
        "manifest_weight",
        "outlines",
        "pages",
        "prepared",
        "route",
        "site",
        "slot",
        "variants",
        "weight",
    )

    def __init__(self, label: str, app: AppRoute, route: EnvironmentRoute, site: Site, manifest_weight: int) -> None:
        self.label = label
        self.app = app
        self.route = route
        self.site = site
        self.slot = app.slot
        self.manifest_key = manifest_key_of(app, route)
        self.manifest_weight = manifest_weight
        self.variants = variants_key(app.app_id, self.manifest_key) if route.has_variants else None
        self.prepared: dict[Key, PreparedAnswer] = {}
        self.by_pattern: dict[Key, PreparedAnswer] = {}
        """Prepared redirects from rules with a path pattern, the newest last."""
        self.pages: dict[str, Representations] = {}
        self.outlines: dict[str, Representations] = {}
        """The representations of large pages, without the bodies, by path."""
        self.earlier: EarlierAssets | None = None
        self.hosts: set[bytes] = set()
        self.weight = weights.SITE + len(route.moves) + (site.rules.weight if site.rules is not None else 0)

    @property
    def is_version(self) -> bool:
        """Returns true if the host belongs to one numbered version (`v3-shop.DOMAIN`), and not to an environment of the
        app."""
        return self.site.environment == version_environment(self.site.version)

    def changes(self, page: Member) -> bool:
        """Returns true if the runtime object is written into this page. The page must have a place for it, and the app
        must not have turned it off."""
        return page.place != NO_PLACE and page.size <= LARGEST and self.site.published.runtime != "off"

    def script(self) -> bytes:
        """Returns the script with the runtime object (the app's public variables) that is written into the site's
        pages.

        The script is as long as the public variables, so it is built for each page and not cached. All sites of an app
        share the variables in the app's route. A service worker may cache a page with its variables for a long time. If
        the version has a service worker, its pages therefore also load the current variables. If loading fails, they
        use the variables in the page.
        """
        if self.site.published.runtime == "external":
            return EXTERNAL_SCRIPT
        return cached_page_script(self.site) if self.site.manifest.has_worker else runtime_script(self.site)

    def serves(self, route: Route) -> bool:
        """Returns true if the route still leads to this site's content: the same version with the same settings."""
        return (
            route.app.app_id == self.app.app_id
            and (route.version is not None or route.serves == self.route)
            and route.environment == self.site.environment
            and route.app.slug == self.app.slug
            and route.app.site == self.app.site
        )

    def keep_by_pattern(self, key: Key, prepared: PreparedAnswer) -> int:
        """Caches a prepared redirect from a rule with a path pattern. If there are too many of these redirects, the
        oldest is evicted. Returns the number of added bytes."""
        weight = prepared_weight(key, prepared)
        if weight > _LARGEST_BY_PATTERN or key in self.by_pattern:
            return 0
        if len(self.by_pattern) >= _MOST_BY_PATTERN:
            oldest = next(iter(self.by_pattern))
            weight -= prepared_weight(oldest, self.by_pattern.pop(oldest))
        self.by_pattern[key] = prepared
        return weight

    def shed(self) -> int:
        """Frees memory: evicts the older half of the pages and prepared answers, and all redirects from path patterns.
        Returns the number of freed bytes."""
        freed = 0
        pages = list(self.pages)[: (len(self.pages) + 1) // 2]
        gone = {id(self.pages[path]) for path in pages}
        older = list(self.prepared)[: (len(self.prepared) + 1) // 2]
        # A prepared answer refers to the body of its page, so it must go together with the page.
        older += [key for key in list(self.prepared)[len(older) :] if id(self.prepared[key].page) in gone]
        for key in older:
            freed += prepared_weight(key, self.prepared.pop(key))
        for path in pages:
            freed += page_weight(self.pages.pop(path))
        freed += sum(prepared_weight(key, prepared) for key, prepared in self.by_pattern.items())
        self.by_pattern.clear()
        self.weight -= freed
        return freed


def manifest_key_of(app: AppRoute, route: EnvironmentRoute) -> str:
    """Returns the key of the manifest of the version that this route of an app serves."""
    return manifest_key(app.app_id, route.manifest.hex())


def page_weight(page: Representations) -> int:
    """Returns the approximate memory (bytes) of a page with all its encodings."""
    return sum(map(len, page.bodies.values())) + weights.PAGE


def prepared_weight(key: Key, prepared: PreparedAnswer) -> int:
    """Returns the approximate memory (bytes) of a prepared answer with its key."""
    return prepared.weight + len(key[0])


async def rules_of(manifest: Manifest) -> SiteRules | None:
    """Returns the redirects and headers that a version's manifest declares, prepared for look-ups. A long list is
    prepared in a thread, so that other visitors do not wait."""
    rules = manifest.rules
    if rules is None:
        return None
    if len(rules.redirects) + len(rules.headers) <= MANY:
        return site_rules(rules)
    return await asyncio.to_thread(site_rules, rules)
