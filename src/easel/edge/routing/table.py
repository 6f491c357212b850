"""The routing table: which host name leads to which environment of which app, all in memory."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from easel.edge import weights
from easel.serving.addresses import NAMES, PRODUCTION, UNCUT, host_label, slug_forms, taken_apart
from easel.serving.published import NOTHING_TOLD
from easel.storage.freshness import HOSTS_SLOT, slot_of

MOVE = struct.Struct("!di32s")
"""A version that was left: when (unix seconds), its number, its manifest's SHA-256."""
_NUMBER = slice(8, 12)

EARLIER_KEPT = 30
"""How many earlier versions of an environment are searched for an open tab's assets."""


class Earlier(msgspec.Struct, frozen=True, gc=False):
    """A version that an environment served until the given moment (unix seconds). `manifest` is its SHA-256."""

    version: int
    manifest: bytes
    until: float


# There may be a million apps: what is equal in all, or can be put together when a visitor comes, is not held.
# None of these can be part of a cycle, so the collector need not look at them either.
class EnvironmentRoute(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What an environment serves: a version, the SHA-256 of its manifest, since when (unix seconds), whether its files
    have variants; and in `moves` what it served before, packed, the latest first. `name` is the environment's, and
    empty for a version's own address."""

    version: int
    manifest: bytes
    modified_at: float
    has_variants: bool = False
    moves: bytes = b""
    name: str = ""

    @property
    def earlier(self) -> list[Earlier]:
        """The versions served before, each once, the most recent first."""
        latest: dict[int, Earlier] = {}
        for until, version, manifest in MOVE.iter_unpack(self.moves):
            latest.setdefault(version, Earlier(version, manifest, until))
        latest.pop(self.version, None)
        return list(latest.values())


class AppRoute(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An edge's record of an app: in `site` its encoded settings (`serving/published.py`), and its environments that
    serve a version."""

    app_id: str
    slug: str
    active: bool
    last_version: int
    site: bytes = NOTHING_TOLD
    environments: tuple[EnvironmentRoute, ...] = ()
    prunings: int = 0

    @property
    def slot(self) -> int:
        """The app's counter on the freshness page."""
        return slot_of(self.app_id)

    @property
    def weight(self) -> int:
        """About how many bytes it takes in memory, with its slug's other forms."""
        # There may be a million of them.
        weight = weights.APP + sys.getsizeof(self.slug) + sys.getsizeof(self.site)
        weight += sys.getsizeof(self.environments)
        if len(self.slug) > UNCUT:
            weight += weights.SLUG_FORMS
        for one in self.environments:
            weight += weights.ENVIRONMENT + len(one.moves)
        return weight

    def serves(self, environment: str) -> EnvironmentRoute | None:
        """The version that the environment with this name serves, if any."""
        for one in self.environments:
            if one.name == environment:
                return one
        return None


def kept_moves(moves: bytes) -> bytes:
    """What is kept of packed moves, the latest first: an app may have thousands, between few versions or many."""
    if len(moves) <= EARLIER_KEPT * MOVE.size:
        return moves
    latest: dict[bytes, bytes] = {}
    for at in range(0, len(moves), MOVE.size):
        move = moves[at : at + MOVE.size]
        if latest.setdefault(move[_NUMBER], move) is move and len(latest) == EARLIER_KEPT:
            break
    return b"".join(latest.values())


class Feed(Protocol):
    """Where the table gets its routes from."""

    async def refresh(self) -> None:
        """Applies everything that changed since the last time. Raises when the source does not answer."""

    async def version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        """The content of that version, or None if there is none with files. Raises when the source is unreachable."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a host name leads. `serves` is None for an address that is known and serves nothing yet."""

    app: AppRoute
    environment: str
    serves: EnvironmentRoute | None
    version: int | None = None


class RouteTable:
    """The apps by id and by slug. Host labels are taken apart when they are asked for."""

    def __init__(self) -> None:
        self.apps: dict[str, AppRoute] = {}
        self._slugs: dict[str, AppRoute] = {}
        self._apps_weight = 0
        self.ahead = 0.0
        """Seconds by which this machine's clock is ahead of the one that wrote the times in the routes."""
        self.on_change: list[Callable[[Collection[str]], None]] = []
        """Called with the ids of the apps that changed, before `apply` returns: no request comes in between."""

    @property
    def weight(self) -> int:
        """About how many bytes all of it takes in memory."""
        return self._apps_weight + sys.getsizeof(self.apps) + sys.getsizeof(self._slugs)

    def apply(self, changed: Mapping[str, AppRoute | None]) -> None:
        """Takes in the new state of these apps; None is an app that is gone."""
        moved = []
        for app_id, app in changed.items():
            before = self.apps.get(app_id)
            if app == before:
                # What is asked for again while an older transaction still runs has not changed.
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
                    # Live sites hold the same, and not a second one that is equal.
                    app = msgspec.structs.replace(app, site=before.site)
                self._apps_weight += app.weight
                self.apps[app_id] = app
                for name in slug_forms(app.slug):
                    self._slugs[name] = app
        if moved:
            for tell in self.on_change:
                tell(moved)

    def find(self, label: str) -> Route | None:
        """Where the host label leads, or None when it leads nowhere. Apps that are off the air lead nowhere."""
        named = self._named(label)
        if named is None or not named[0].active:
            return None
        app, environment, number = named
        if number is not None:
            return Route(app, environment, None, number) if number <= app.last_version else None
        serves = app.serves(environment)
        return Route(app, environment, serves) if serves is not None or environment in NAMES else None

    def slot(self, label: str) -> int:
        """The counter on the freshness page that moves before the label can lead elsewhere.

        The app's own, also where the app is off the air or has no such version yet; for a label that names no app,
        the one that moves when the set of hosts does.
        """
        named = self._named(label)
        return named[0].slot if named is not None else HOSTS_SLOT

    def _named(self, label: str) -> tuple[AppRoute, str, int | None] | None:
        """The app that the label is of, its environment, and the number where that is a version's own address."""
        app = self._slugs.get(label)
        if app is not None and app.slug == label:
            return app, PRODUCTION, None
        named = taken_apart(label)
        if named is None:
            return None
        environment, slug, number = named
        app = self._slugs.get(slug)
        return (app, environment, number) if app is not None and host_label(environment, app.slug) == label else None
