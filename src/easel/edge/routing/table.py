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
"""An earlier version: the time (unix seconds) at which the environment stopped serving the version, the version's
number, and the manifest's SHA-256."""
_NUMBER = slice(8, 12)

EARLIER_KEPT = 30
"""Number of earlier versions of an environment that are searched for the assets of an open tab."""


class EarlierVersion(msgspec.Struct, frozen=True, gc=False):
    """A version that an environment served until the given moment (unix seconds). `manifest` is the SHA-256 of the
    version's manifest."""

    version: int
    manifest: bytes
    until: float


# There may be a million apps, so routes contain no value that is common to all apps or can be computed on request.
# Routes are in no reference cycle, so the garbage collector can skip them.
class EnvironmentRoute(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The content of an environment: a version, the SHA-256 of its manifest, the time of the move (unix seconds), and
    whether its files have variants. `moves` contains the packed earlier versions, the latest first. `name` is the
    environment's name. It is empty for a version's own address."""

    version: int
    manifest: bytes
    modified_at: float
    has_variants: bool = False
    moves: bytes = b""
    name: str = ""

    @property
    def earlier(self) -> list[EarlierVersion]:
        """Returns the earlier versions, each once, the most recent first."""
        latest: dict[int, EarlierVersion] = {}
        for until, version, manifest in MOVE.iter_unpack(self.moves):
            latest.setdefault(version, EarlierVersion(version, manifest, until))
        latest.pop(self.version, None)
        return list(latest.values())


class AppRoute(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An edge's record of an app: its encoded settings in `site` (`serving/published.py`), and its environments with a
    version."""

    app_id: str
    slug: str
    active: bool
    last_version: int
    site: bytes = NOTHING_TOLD
    environments: tuple[EnvironmentRoute, ...] = ()
    prunings: int = 0

    @property
    def slot(self) -> int:
        """Returns the app's counter on the freshness page."""
        return slot_of(self.app_id)

    @property
    def weight(self) -> int:
        """Returns the approximate memory in bytes, including the slug's other forms."""
        # There may be a million apps, so the weight is computed without further calls.
        weight = weights.APP + sys.getsizeof(self.slug) + sys.getsizeof(self.site)
        weight += sys.getsizeof(self.environments)
        if len(self.slug) > UNCUT:
            weight += weights.SLUG_FORMS
        for one in self.environments:
            weight += weights.ENVIRONMENT + len(one.moves)
        return weight

    def serves(self, environment: str) -> EnvironmentRoute | None:
        """Returns the route of the environment with this name, if it serves a version."""
        for one in self.environments:
            if one.name == environment:
                return one
        return None


def moves_to_keep(moves: bytes) -> bytes:
    """Unpacks the recorded moves (changes of the live version), and returns the moves to keep, the latest first. An app
    may have thousands of moves among many versions, or back and forth between a few."""
    if len(moves) <= EARLIER_KEPT * MOVE.size:
        return moves
    latest: dict[bytes, bytes] = {}
    for at in range(0, len(moves), MOVE.size):
        move = moves[at : at + MOVE.size]
        if latest.setdefault(move[_NUMBER], move) is move and len(latest) == EARLIER_KEPT:
            break
    return b"".join(latest.values())


class Feed(Protocol):
    """The source of the table's routes."""

    async def refresh(self) -> None:
        """Applies all changes since the last call. Raises an error if the source is unreachable."""

    async def version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        """Returns the content of a version. Returns None if the version does not exist or has no files. Raises an error
        if the source is unreachable."""


@dataclass(frozen=True, slots=True)
class Route:
    """The target of a host name. `serves` is None for a known address that serves nothing yet."""

    app: AppRoute
    environment: str
    serves: EnvironmentRoute | None
    version: int | None = None


class RouteTable:
    """The apps by id and by slug. Host labels are split on each request."""

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
        """Returns the approximate memory of the table in bytes."""
        return self._apps_weight + sys.getsizeof(self.apps) + sys.getsizeof(self._slugs)

    def apply(self, changed: Mapping[str, AppRoute | None]) -> None:
        """Applies the new state of these apps. The state None means that the app is deleted."""
        moved = []
        for app_id, app in changed.items():
            before = self.apps.get(app_id)
            if app == before:
                # An older transaction that is still running makes the query return some apps again, although they are
                # unchanged.
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
                    # The equal value is kept, because live sites refer to it.
                    app = msgspec.structs.replace(app, site=before.site)
                self._apps_weight += app.weight
                self.apps[app_id] = app
                for name in slug_forms(app.slug):
                    self._slugs[name] = app
        if moved:
            for tell in self.on_change:
                tell(moved)

    def find(self, label: str) -> Route | None:
        """Returns the route of the host label. Returns None if there is no route, or if the app is inactive."""
        named = self._named(label)
        if named is None or not named[0].active:
            return None
        app, environment, number = named
        if number is not None:
            return Route(app, environment, None, number) if number <= app.last_version else None
        serves = app.serves(environment)
        return Route(app, environment, serves) if serves is not None or environment in NAMES else None

    def slot(self, label: str) -> int:
        """Returns the slot (counter) of the freshness page that changes before the label's route can change.

        For a known app, this is the app's own slot, even if the app is inactive or the version does not exist yet. For
        an unknown label, this is the slot of the set of hosts.
        """
        named = self._named(label)
        return named[0].slot if named is not None else HOSTS_SLOT

    def _named(self, label: str) -> tuple[AppRoute, str, int | None] | None:
        """Returns the app of the label, its environment, and the version number if the label is a version's own
        address."""
        app = self._slugs.get(label)
        if app is not None and app.slug == label:
            return app, PRODUCTION, None
        named = split_label(label)
        if named is None:
            return None
        environment, slug, number = named
        app = self._slugs.get(slug)
        return (app, environment, number) if app is not None and host_label(environment, app.slug) == label else None
