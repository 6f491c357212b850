"""The routing table's entry of an app, and its small size."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterable

import msgspec

from easel.edge.routing.table import EARLIER_KEPT, MOVE, AppRoute, EnvironmentRoute, RouteTable, moves_to_keep
from easel.serving.addresses import host_label


def manifest(version: int) -> bytes:
    return hashlib.sha256(b"%d" % version).digest()


def moves(versions: Iterable[int]) -> bytes:
    """Returns the packed moves of these versions, the latest first, an hour apart."""
    return b"".join(MOVE.pack(1e9 - 3600 * at, version, manifest(version)) for at, version in enumerate(versions))


def app(number: int, slug: str, serves: EnvironmentRoute | None = None) -> AppRoute:
    serving = () if serves is None else (msgspec.structs.replace(serves, name="production"),)
    return AppRoute(f"app_{number:016x}", slug, True, 2_000_000, environments=serving)


def test_a_version_that_was_served_several_times_counts_from_its_last_end() -> None:
    serving = EnvironmentRoute(4, manifest(4), 1e9, moves=moves([3, 4, 3, 2]))
    assert [(one.version, one.until) for one in serving.earlier] == [(3, 1e9), (2, 1e9 - 3 * 3600)]
    assert [one.manifest for one in serving.earlier] == [manifest(3), manifest(2)]


def test_a_thousand_moves_between_two_versions_hide_no_other_version() -> None:
    kept = moves_to_keep(moves([8, 9] * 500 + [7, 6]))
    assert [one.version for one in EnvironmentRoute(9, manifest(9), 1e9, moves=kept).earlier] == [8, 7, 6]


def test_only_the_latest_of_thousands_of_versions_are_searched_for_an_open_tabs_files() -> None:
    kept = moves_to_keep(moves(range(5000, 0, -1)))
    earlier = EnvironmentRoute(5001, manifest(5001), 1e9, moves=kept).earlier
    assert [one.version for one in earlier] == list(range(5000, 5000 - EARLIER_KEPT, -1))


def test_an_app_with_five_earlier_versions_takes_less_than_a_kibibyte_of_an_edges_memory() -> None:
    table, count = RouteTable(), 2000
    tracemalloc.start()
    for number in range(count):
        serves = EnvironmentRoute(300, manifest(number), 1e9 + number, True, moves(range(number, number + 5)))
        made = app(number, f"an-app-{number}", serves)
        table.apply({made.app_id: made})
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table.apps) == count
    assert held / count < 1024


def test_an_app_that_takes_over_a_long_slug_gets_all_its_addresses_in_any_order_of_the_changes() -> None:
    slug = "long-" + "x" * 55
    before, after = app(1, slug), app(2, slug)
    # Version 1234567 is below the last version, so the app has such an address before and after.
    labels = [slug, host_label("staging", slug), host_label("v1234567", slug), host_label("v12", slug)]
    for change in ({before.app_id: None, after.app_id: after}, {after.app_id: after, before.app_id: None}):
        table = RouteTable()
        table.apply({before.app_id: before})
        table.apply(change)
        found = [table.find(label) for label in labels]
        assert [route.app.app_id for route in found if route is not None] == [after.app_id] * len(labels)
        table.apply({after.app_id: None})
        assert [table.find(label) for label in labels] == [None] * len(labels)
