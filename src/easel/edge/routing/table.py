"""The routing table in memory: host name → environment → version."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from easel.edge import weights
from easel.serving.addresses import NAMES, PRODUCTION, UNCUT, host_label, slug_forms, split_label
from easel.serving.published import NOTHING_TOLD
from easel.storage.freshness import HOSTS_SLOT, slot_of

MOVE = struct.Struct("!di32s")
"""The packed form of an earlier version: the time (unix seconds) at which the environment stopped serving the version,
the version's number, and the manifest's SHA-256."""
_NUMBER = slice(8, 12)

EARLIER_KEPT = 30
"""Number of earlier versions of an environment that are searched for a file which an open browser tab still
requests."""


class EarlierVersion(msgspec.Struct, frozen=True, gc=False):
    """A version that an environment served in the past, until the time `until` (unix seconds). `manifest` is the
    SHA-256 of the version's manifest."""

    version: int
    manifest: bytes
    until: float


# There may be a million apps, so routes contain no value that all apps share or that can be computed on request. Routes
# are in no reference cycle, so the garbage collector can skip them.
class EnvironmentRoute(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The state of one environment: its version, the SHA-256 of the version's manifest, the time (unix seconds) since
    which it serves the version, and whether the files have variants (compressed forms). `moves` contains the packed
    earlier versions, the latest first. `name` is the environment's name. It is empty for a version's own address."""

    version: int
    manifest: bytes
    modified_at: float
    has_variants: bool = False
    moves: bytes = b""
    name: str = ""

    @property
    def earlier(self) -> list[EarlierVersion]:
        """Returns the versions that the environment served earlier, each once, the most recent first."""
        latest: dict[int, EarlierVersion] = {}
        for until, version, manifest in MOVE.iter_unpack(self.moves):
            latest.setdefault(version, EarlierVersion(version, manifest, until))
        latest.pop(self.version, None)
        return list(latest.values())


class AppRoute(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An app as an edge knows it: its slug, its encoded settings (`site`, see `serving/published.py`), and its
    environments that serve a version."""

    app_id: str
    slug: str
    active: bool
    last_version: int
    site: bytes = NOTHING_TOLD
    environments: tuple[EnvironmentRoute, ...] = ()
    prunings: int = 0

    @property
    def slot(self) -> int:
        """Returns the number of the counter on the freshness page that changes with this app."""
        return slot_of(self.app_id)

    @property
    def weight(self) -> int:
        """Returns the approximate memory of the route in bytes. It includes the shortened forms of a long slug."""
        # There may be a million apps, so the weight is computed without further calls.
        weight = weights.APP + sys.getsizeof(self.slug) + sys.getsizeof(self.site)
        weight += sys.getsizeof(self.environments)
        if len(self.slug) > UNCUT:
            weight += weights.SLUG_FORMS
        for one in self.environments:
            weight += weights.ENVIRONMENT + len(one.moves)
        return weight

    def serves(self, environment: str) -> EnvironmentRoute | None:
        """Returns the route of the environment with this name. Returns None if the environment serves no version."""
        for one in self.environments:
            if one.name == environment:
                return one
        return None


def moves_to_keep(moves: bytes) -> bytes:
    """Returns the moves (changes of the live version, packed, the latest first) of the most recent earlier versions,
    one for each version. An app may have thousands of moves, often back and forth between a few versions."""
    if len(moves) <= EARLIER_KEPT * MOVE.size:
        return moves
    latest: dict[bytes, bytes] = {}
    for at in range(0, len(moves), MOVE.size):
        move = moves[at : at + MOVE.size]
        if latest.setdefault(move[_NUMBER], move) is move and len(latest) == EARLIER_KEPT:
            break
    return b"".join(latest.values())


class Feed(Protocol):
    """The source of the routes in the routing table."""

    async def refresh(self) -> None:
        """Applies all changes since the last call to the table. Raises an error if the source is unreachable."""

    async def version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        """Returns the route of one numbered version of an app. Returns None if the version does not exist or has no
        files. Raises an error if the source is unreachable."""


@dataclass(frozen=True, slots=True)
class Route:
    """The app and environment of a host name. `version` is the number in a version's own host name, otherwise None.
    `serves` is the environment's route. It is None if the environment serves no version yet, or if `version` is set."""

    app: AppRoute
    environment: str
    serves: EnvironmentRoute | None
    version: int | None = None


class RouteTable:
    """The routes of all apps, by app id and by slug. A host label such as `staging-shop` is split into environment and
    slug on each request."""

    def __init__(self) -> None:
        self.apps: dict[str, AppRoute] = {}
        self._slugs: dict[str, AppRoute] = {}
        self._apps_weight = 0
        self.ahead = 0.0
        """Seconds by which this machine's clock is ahead of the clock that wrote the times in the routes."""
        self.on_change: list[Callable[[Collection[str]], None]] = []
        """Functions that get the ids of the changed apps. `apply` calls them after the change, before another request
        is handled."""

    @property
    def weight(self) -> int:
        """Returns the approximate memory of the routing table in bytes."""
        return self._apps_weight + sys.getsizeof(self.apps) + sys.getsizeof(self._slugs)

    def apply(self, changed: Mapping[str, AppRoute | None]) -> None:
        """Replaces the routes of these apps (by app id). If the new route is None, the app is deleted."""
        moved = []
        for app_id, app in changed.items():
            before = self.apps.get(app_id)
            if app == before:
                # While an older transaction is still running, the query returns some unchanged apps again.
                continue
            moved.append(app_id)
            if before is not None:
                self._apps_weight -= before.weight
                del self.apps[app_id]
                for name in slug_forms(before.slug):
                    if self._slugs.get(name) is before:
                        del self._slugs[name]
            if app is not None:
                if before is not None and before.site == app.site:
                    # The equal value is kept, because the live sites refer to it.
                    app = msgspec.structs.replace(app, site=before.site)
                self._apps_weight += app.weight
                self.apps[app_id] = app
                for name in slug_forms(app.slug):
                    self._slugs[name] = app
        if moved:
            for tell in self.on_change:
                tell(moved)

    def find(self, label: str) -> Route | None:
        """Returns the route of a host label such as `staging-shop`. Returns None if no active app has this label."""
        named = self._named(label)
        if named is None or not named[0].active:
            return None
        app, environment, number = named
        if number is not None:
            return Route(app, environment, None, number) if number <= app.last_version else None
        serves = app.serves(environment)
        return Route(app, environment, serves) if serves is not None or environment in NAMES else None

    def slot(self, label: str) -> int:
        """Returns the number of the counter on the freshness page that changes before the label's route can change. For
        a known app, this is the app's own counter, even if the app is inactive or the version does not exist yet. For
        an unknown label, it is the counter of the set of hosts."""
        named = self._named(label)
        return named[0].slot if named is not None else HOSTS_SLOT

    def _named(self, label: str) -> tuple[AppRoute, str, int | None] | None:
        """Returns the app of a host label, its environment, and a version number. The version number is None unless the
        label is the address of one version (`v3-shop`). Returns None for a label without an app."""
        app = self._slugs.get(label)
        if app is not None and app.slug == label:
            return app, PRODUCTION, None
        named = split_label(label)
        if named is None:
            return None
        environment, slug, number = named
        app = self._slugs.get(slug)
        return (app, environment, number) if app is not None and host_label(environment, app.slug) == label else None
