"""An edge's saved routes are the routes that it knows, from one database, whatever happens to the file."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from easel.edge.routing.saved_routes import OvertakenError, RouteSaver, SavedRoutes
from easel.edge.routing.table import AppRoute, EnvironmentRoute, RouteTable
from easel.running.roles import knows_routes
from easel.settings import Settings
from easel.storage.disk_reserve import DiskReserve
from tests.edge.test_routes import manifest, moves
from tests.system.chaos.small_disk import small_disk

URL = "postgresql://easel@db.internal/easel"


def app(number: int, version: int = 1, slug: str | None = None) -> AppRoute:
    serves = EnvironmentRoute(version, manifest(version), 1e9, True, moves(range(version - 1, 0, -1)), "production")
    return AppRoute(f"app_{number}", slug or f"shop-{number}", True, version, b'{"variables":{"A":"b"}}', (serves,))


def table_of(*apps: AppRoute) -> RouteTable:
    table = RouteTable()
    table.apply({one.app_id: one for one in apps})
    return table


@asynccontextmanager
async def keeping(table: RouteTable, folder: Path, url: str = URL) -> AsyncIterator[RouteSaver]:
    keeper = RouteSaver(table, folder, url)
    keeper.start()
    keeper.confirm()
    yield keeper
    await keeper.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def kept(folder: Path, url: str = URL) -> dict[str, AppRoute] | None:
    routes = SavedRoutes(folder, url)
    return routes.load() if routes.confirmed() is not None else None


async def test_saved_routes_follow_the_routes_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel.edge.routing.saved_routes.BATCH", 3)
    table = table_of(*(app(number, 1 + number % 4) for number in range(10)))
    began = time.time()
    async with keeping(table, tmp_path):
        await until(lambda: kept(tmp_path) == table.apps)
        table.apply({"app_3": app(3, 9), "app_4": None, "app_11": app(11)})
        await until(lambda: kept(tmp_path) == table.apps)
        assert set(table.apps) == {f"app_{number}" for number in (0, 1, 2, 3, 5, 6, 7, 8, 9, 11)}
    confirmed = SavedRoutes(tmp_path, URL).confirmed()
    assert confirmed is not None
    assert began <= confirmed <= time.time()
    # The table of the next process has a new app, and lacks some apps of this process.
    async with keeping(now := table_of(app(3, 10), app(5), app(12)), tmp_path):
        await until(lambda: kept(tmp_path) == now.apps)


async def test_routes_are_not_saved_before_the_database_confirms_them(tmp_path: Path) -> None:
    keeper = RouteSaver(table_of(app(1)), tmp_path, URL)
    keeper.start()
    await asyncio.sleep(0)
    await keeper.stop()
    assert kept(tmp_path) is None


async def test_routes_of_another_database_are_none(tmp_path: Path) -> None:
    other = "postgresql://easel@db.internal/another"
    async with keeping(table := table_of(app(1)), tmp_path):
        await until(lambda: kept(tmp_path) == table.apps)
    # User and password do not matter.
    assert kept(tmp_path, "postgresql://somebody:secret@db.internal/easel") == table.apps
    assert kept(tmp_path, other) is None
    async with keeping(now := table_of(app(2)), tmp_path, other):
        await until(lambda: kept(tmp_path, other) == now.apps)
    assert kept(tmp_path) is None


async def test_one_of_several_edges_saves_routes_and_another_continues_after_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.edge.routing.saved_routes.PAUSE", 0.01)
    one, two = table_of(app(1)), table_of(app(1), app(2))
    async with keeping(one, tmp_path) as first:
        await until(lambda: kept(tmp_path) == one.apps)
        async with keeping(two, tmp_path) as second:
            two.apply({"app_3": app(3)})
            one.apply({"app_1": app(1, 2)})
            await until(lambda: kept(tmp_path) == one.apps)
            await first.stop()
            second.confirm()
            await until(lambda: kept(tmp_path) == two.apps)


async def test_a_slug_that_another_app_has_taken_over_leads_to_the_new_app(tmp_path: Path) -> None:
    table = table_of(app(1, slug="shop"))
    routes = SavedRoutes(tmp_path, URL)
    generation = routes.begin()
    routes.write([("app_1", table.apps["app_1"])], generation)
    # The process is killed between the two writes, so the first app's end was not written.
    routes.write([("app_2", app(2, slug="shop"))], generation)
    routes.confirm(time.time(), generation, whole=True)
    after = RouteTable()
    after.apply(kept(tmp_path) or {})
    route = after.find("shop")
    assert route is not None
    assert route.app.app_id == "app_2"


@pytest.mark.parametrize("damage", [b"no database at all", b""])
async def test_a_damaged_file_is_created_again(tmp_path: Path, damage: bytes) -> None:
    async with keeping(table := table_of(app(1)), tmp_path):
        await until(lambda: kept(tmp_path) == table.apps)
    (tmp_path / "routes.sqlite").write_bytes(damage)
    assert kept(tmp_path) is None
    async with keeping(table, tmp_path):
        await until(lambda: kept(tmp_path) == table.apps)


async def test_a_saved_route_that_this_release_cannot_read_discards_all_saved_routes(tmp_path: Path) -> None:
    async with keeping(table := table_of(app(1), app(2)), tmp_path):
        await until(lambda: kept(tmp_path) == table.apps)
    with sqlite3.connect(tmp_path / "routes.sqlite") as connection:
        connection.execute("update route set route = x'00' where app_id = 'app_1'")
    assert kept(tmp_path) is None


async def test_a_full_disk_is_logged_once_and_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("easel.edge.routing.saved_routes.PAUSE", 0.01)
    folder = tmp_path / "edge"
    folder.write_text("a file where the folder should be")
    async with keeping(table := table_of(app(1)), folder):
        await until(lambda: "cannot save routes on disk" in caplog.text)
        folder.unlink()
        await until(lambda: kept(folder) == table.apps)
    assert caplog.text.count("cannot save routes on disk") == 1


def test_other_users_of_the_machine_cannot_read_the_saved_routes(tmp_path: Path) -> None:
    SavedRoutes(tmp_path, URL).begin()
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}


def test_databases_count_as_different_if_their_urls_do_not_identify_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(url: str) -> bool:
        return SavedRoutes(tmp_path, url).confirmed() is not None

    def keep(url: str) -> None:
        routes = SavedRoutes(tmp_path, url)
        routes.confirm(time.time(), routes.begin(), whole=True)

    # Without a name in the URL, the database's name is the user's name.
    keep("postgresql://one@db.internal")
    assert known("postgresql://one@db.internal")
    assert known("postgresql://another@db.internal/one")
    assert not known("postgresql://another@db.internal")
    keep("service=one")
    assert not known("service=another")
    monkeypatch.setenv("PGHOST", "db.internal")
    keep("postgresql:///easel")
    assert known("postgresql://db.internal/easel")
    monkeypatch.setenv("PGHOST", "another.internal")
    assert not known("postgresql:///easel")


async def test_damage_that_is_found_while_writing_is_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel.edge.routing.saved_routes.PAUSE", 0.01)
    file = tmp_path / "routes.sqlite"
    async with keeping(table := table_of(*(app(number) for number in range(500))), tmp_path):
        await until(lambda: kept(tmp_path) == table.apps)
        with closing(sqlite3.connect(file)) as connection:
            (page,) = connection.execute(
                "select rootpage from sqlite_master where name like '%index_route%'"
            ).fetchone()
            (size,) = connection.execute("pragma page_size").fetchone()
        with file.open("r+b") as raw:
            raw.seek((page - 1) * size)
            raw.write(b"\xff" * size)
        table.apply({"app_3": app(3, 2)})
        await until(lambda: kept(tmp_path) == table.apps)


async def test_a_removed_file_is_created_again_and_stays_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.edge.routing.saved_routes.PAUSE", 0.01)
    async with keeping(table := table_of(app(1)), tmp_path):
        await until(lambda: kept(tmp_path) == table.apps)
        (tmp_path / "routes.sqlite").unlink()
        table.apply({"app_1": app(1, 2)})
        await until(lambda: kept(tmp_path) == table.apps)
    assert (tmp_path / "routes.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", [URL, "postgresql://easel@db.internal/another"])
def test_late_writes_of_an_overtaken_process_change_nothing(tmp_path: Path, url: str) -> None:
    routes = SavedRoutes(tmp_path, URL)
    before = routes.begin()
    routes.write([("app_1", app(1)), ("app_2", app(2))], before)
    other = SavedRoutes(tmp_path, url)
    now = other.begin()
    other.write([("app_1", app(1, 2)), ("app_2", None)], now)
    with pytest.raises(OvertakenError):
        routes.write([("app_1", app(1)), ("app_2", app(2)), ("app_3", app(3))], before)
    with pytest.raises(OvertakenError):
        routes.confirm(time.time(), before, whole=False)
    assert other.load() == {"app_1": app(1, 2)}


async def test_one_of_two_edges_without_a_lock_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel.edge.routing.saved_routes.PAUSE", 0.01)
    one, two = table_of(app(1)), table_of(app(1), app(2))
    async with keeping(one, tmp_path):
        await until(lambda: kept(tmp_path) == one.apps)
        (tmp_path / "routes.lock").unlink()
        async with keeping(two, tmp_path):
            await until(lambda: kept(tmp_path) == two.apps)
            one.apply({"app_2": app(2, 7)})
            await asyncio.sleep(0.1)
            assert kept(tmp_path) == two.apps


def test_saved_routes_can_be_read_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path / "disk", 16 * 1024 * 1024) as disk:
        if disk is None:
            pytest.skip("a small disk cannot be mounted here (it takes root)")
        # SQLite writes its sorted data to this folder.
        monkeypatch.setenv("SQLITE_TMPDIR", str(disk.folder))
        apps = {f"app_{number}": app(number) for number in range(20_000)}
        routes = SavedRoutes(disk.folder, URL)
        generation = routes.begin()
        routes.write(list(apps.items()), generation)
        routes.confirm(time.time(), generation, whole=True)
        disk.fill()
        assert kept(disk.folder) == apps


async def test_routes_are_saved_outside_the_disks_reserve_and_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("easel.edge.routing.saved_routes.PAUSE", 0.01)
    with small_disk(tmp_path / "disk", 16 * 1024 * 1024) as disk:
        if disk is None:
            pytest.skip("a small disk cannot be mounted here (it takes root)")
        table = table_of(app(1))
        keeper = RouteSaver(table, disk.folder, URL, DiskReserve(disk.folder, "50%"))
        keeper.start()
        keeper.confirm()
        await until(lambda: kept(disk.folder) == table.apps)
        before = dict(table.apps)
        filler = disk.folder / "of-another"
        filler.write_bytes(bytes(9 * 1024 * 1024))
        table.apply({"app_2": app(2)})
        await until(lambda: "nearly full" in caplog.text)
        assert kept(disk.folder) == before
        filler.unlink()
        await until(lambda: kept(disk.folder) == table.apps)
        await keeper.stop()


async def test_a_clock_that_is_set_back_does_not_prevent_confirmations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.edge.routing.saved_routes.CONFIRMED_EVERY", 0.0)
    settings = Settings(data_dir=tmp_path)
    day = settings.edge_routes_kept
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 2 * day)
    async with keeping(table_of(app(1)), settings.edge_dir) as keeper:
        await until(lambda: knows_routes(settings, URL))
        monkeypatch.setattr(time, "time", right)
        # The confirmation may be from any time.
        assert not knows_routes(settings, URL)
        keeper.confirm()
        await until(lambda: knows_routes(settings, URL))
    none = settings.model_copy(update={"edge_routes_kept": 0.0})
    assert not knows_routes(none, URL)
