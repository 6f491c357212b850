"""The routing table: which host name leads to which environment of which app, all in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from easel.serving.addresses import host_label, shortened_slug, version_environment, version_in
from easel.storage.freshness import HOSTS_SLOT, slot_of

_LONGEST_UNSHORTENED = 51


# None of these can be part of a cycle, and there may be millions: the collector need not look at them.
class Earlier(msgspec.Struct, frozen=True, gc=False):
    """A version that an environment served until the given moment (unix seconds)."""

    version: int
    manifest_key: str
    until: float


class EnvironmentRoute(msgspec.Struct, frozen=True, gc=False):
    """What an environment serves: a version and where its parts lie, since when (unix seconds), and what before."""

    version: int
    manifest_key: str
    modified_at: float
    variants_key: str | None = None
    earlier: tuple[Earlier, ...] = ()


class AppRoute(msgspec.Struct, frozen=True, gc=False):
    """All that the edge knows of an app. `environments` holds only those that serve something."""

    app_id: str
    slug: str
    active: bool
    last_version: int
    indexable: bool
    variables: dict[str, str]
    environments: dict[str, EnvironmentRoute]
    prunings: int = 0

    @property
    def slot(self) -> int:
        """The app's counter on the freshness page."""
        return slot_of(self.app_id)


class Feed(Protocol):
    """Where the table gets its routes from."""

    async def refresh(self) -> None:
        """Applies everything that changed since the last time. Raises when the source does not answer."""

    async def version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        """What that version serves, or None if there is none with files. Raises when the source does not answer."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a host name leads. `serves` is None for an address that is known and serves nothing yet."""

    app: AppRoute
    environment: str
    serves: EnvironmentRoute | None
    version: int | None = None


class RouteTable:
    """The apps by id, and the host labels that lead to them."""

    def __init__(self) -> None:
        self.apps: dict[str, AppRoute] = {}
        self._labels: dict[str, tuple[str, str]] = {}
        self._slugs: dict[str, str] = {}
        self.ahead = 0.0
        """Seconds by which this machine's clock is ahead of the one that wrote the times in the routes."""
        self.on_change: list[Callable[[Collection[str]], None]] = []
        """Called with the ids of the apps that changed, before `apply` returns: no request comes in between."""

    def apply(self, changed: Mapping[str, AppRoute | None]) -> None:
        """Takes in the new state of these apps; None is an app that is gone."""
        moved = []
        for app_id, app in changed.items():
            if app == self.apps.get(app_id):
                # What is asked for again while an older transaction still runs has not changed.
                continue
            moved.append(app_id)
            before = self.apps.pop(app_id, None)
            if before is not None:
                for label in _labels(before):
                    if self._labels.get(label, ("",))[0] == app_id:
                        del self._labels[label]
                for name in _slug_forms(before.slug):
                    if self._slugs.get(name) == app_id:
                        del self._slugs[name]
            if app is not None:
                self.apps[app_id] = app
                for label, environment in _labels(app).items():
                    self._labels[label] = (app_id, environment)
                for name in _slug_forms(app.slug):
                    self._slugs[name] = app_id
        if moved:
            for tell in self.on_change:
                tell(moved)

    def find(self, label: str) -> Route | None:
        """Where the host label leads, or None when it leads nowhere. Apps that are off the air lead nowhere."""
        known = self._labels.get(label)
        if known is not None:
            app = self.apps[known[0]]
            return Route(app, known[1], app.environments.get(known[1])) if app.active else None
        named = self._version_named(label)
        if named is None:
            return None
        app, number = named
        if not app.active or number > app.last_version:
            return None
        return Route(app, version_environment(number), None, number)

    def slot(self, label: str) -> int:
        """The counter on the freshness page that moves before the label can lead elsewhere.

        The app's own, also where the app is off the air or has no such version yet; for a label that names no app,
        the one that moves when the set of hosts does.
        """
        known = self._labels.get(label)
        if known is not None:
            return self.apps[known[0]].slot
        named = self._version_named(label)
        return named[0].slot if named is not None else HOSTS_SLOT

    def _version_named(self, label: str) -> tuple[AppRoute, int] | None:
        parsed = version_in(label)
        app_id = self._slugs.get(parsed[1]) if parsed is not None else None
        if parsed is None or app_id is None:
            return None
        app = self.apps[app_id]
        number = parsed[0]
        return (app, number) if host_label(version_environment(number), app.slug) == label else None


def _labels(app: AppRoute) -> dict[str, str]:
    return {host_label(environment, app.slug): environment for environment in ("production", "staging")}


def _slug_forms(slug: str) -> Iterable[str]:
    """The slug, and for a long one what it is cut to in the addresses of its versions, one per number of digits."""
    yield slug
    if len(slug) > _LONGEST_UNSHORTENED:
        for digits in range(1, 11):
            form = shortened_slug(10 ** (digits - 1), slug)
            if form != slug:
                yield form
