"""The faults of the storm, at random or in turn, and their repair."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg

from tests.system.chaos.database_way import DatabaseWay
from tests.system.chaos.proxy import Proxy
from tests.system.chaos.small_disk import SmallDisk
from tests.system.chaos.store_way import StoreWay
from tests.system.cluster import ROLES, Cluster

BORDERS = {
    "accepted": "status = 'queued'",
    "begun": "status = 'building' and version is null",
    "recorded": "status = 'building' and version is not null and outcome is null",
    "activated": "status = 'building' and outcome is not null",
}
"""States of a deploy between two of its transactions, as its row shows them."""
BUILDS = {
    "taken": "step in ('prepare', 'unpack')",
    "building": "step = 'build'",
    "built": "step in ('pack', 'store', 'built')",
}
"""The same states for a build, in which builders are killed."""
LONGEST_STEP = 0.03
"""Maximum length in seconds of a step that ends with one of these states. A random moment within this time is in the
middle of the step."""


class Killer:
    """Kills, cuts, delays and freezes. `troubles` are the times (seconds since the epoch) with an active fault."""

    def __init__(
        self,
        cluster: Cluster,
        database: DatabaseWay,
        store: StoreWay,
        disk: SmallDisk | None,
        direct_url: str,
        seed: int,
    ) -> None:
        self._cluster = cluster
        self._database = database
        self._store = store
        self._disk = disk
        self._url = direct_url
        self._random = random.Random(seed)
        self._longest = 3.0
        self.done: Counter[str] = Counter()
        self.troubles: list[tuple[float, float]] = []
        self.full: list[tuple[float, float]] = []
        """The times with a full disk."""

    @property
    def kills(self) -> int:
        """Returns the number of SIGKILLs sent."""
        return sum(count for what, count in self.done.items() if what.startswith("kill"))

    def in_turn(self) -> list[Callable[[], None]]:
        """Returns every fault once."""
        return [
            *(partial(self.kill_at, border) for border in BORDERS),
            *(partial(self.kill_at, border, "builder") for border in BUILDS),
            *(partial(self.kill_one, role) for role in ROLES),
            *self._others(),
        ]

    def briefly(self) -> list[Callable[[], None]]:
        """Returns the worst faults, each briefly."""
        self._longest = 0.8
        return [
            partial(self.kill_at, "begun"),
            partial(self.kill_one, "api"),
            partial(self.kill_at, "recorded"),
            partial(self.kill_at, "building", "builder"),
            self.cut_database,
            self.lose_commits,
            self.cut_store,
            self.lose_notifications,
            self.truncate_store,
            partial(self.kill_one, "edge"),
            self.refuse_store,
            self.fill_disk,
            self.lose_transactions,
        ]

    def at_random(self) -> None:
        """Causes a random fault."""
        chance = self._random.random()
        if chance < 0.45:
            self.kill_one(self._random.choice(ROLES))
        elif chance < 0.7:
            self.kill_at(self._random.choice(list(BORDERS)))
        elif chance < 0.8:
            self.kill_at(self._random.choice(list(BUILDS)), "builder")
        else:
            self._random.choice(self._others())()

    def let_go_on(self, deploys: int = 3, seconds: float = 10) -> None:
        """Leaves everything alone until up to that many more deploys have ended, so that faults happen in different
        states."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            query = "select count(*) from deploy where finished_at is not null"
            (wanted,) = connection.execute(query).fetchone() or (0,)
            wanted += self._random.randint(0, deploys)
            deadline = time.monotonic() + seconds
            while (connection.execute(query).fetchone() or (0,))[0] < wanted and time.monotonic() < deadline:
                time.sleep(0.02)

    def _others(self) -> list[Callable[[], None]]:
        return [
            self.cut_database,
            self.lose_transactions,
            self.lose_commits,
            self.lose_notifications,
            self.cut_store,
            self.slow_store,
            self.refuse_store,
            self.truncate_store,
            self.fill_disk,
            self.freeze_worker,
            partial(self.freeze_worker, "builder"),
        ]

    def kill_one(self, role: str) -> None:
        """Kills one process, which its supervisor restarts."""
        number = self._random.randrange(len(self._cluster.machines))
        self.done[f"kill {role}"] += 1
        self._cluster.look_after()
        with self._trouble():
            self._cluster.kill(number, role)
            self._cluster.start(number, role)

    def kill_at(self, border: str, role: str = "worker") -> None:
        """Kills all workers, or builders, the moment a deploy is in that state."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            where = f"status in ('queued', 'building') and {(BORDERS | BUILDS)[border]}"
            query = f"select 1 from deploy where {where} limit 1".encode()
            deadline = time.monotonic() + 10
            while not connection.execute(query).fetchone():
                if time.monotonic() > deadline:
                    self.done[f"missed {border}"] += 1
                    return
        time.sleep(self._random.choice((0, self._random.uniform(0, LONGEST_STEP))))
        self.done[f"kill at {border}"] += len(self._cluster.machines)
        with self._trouble():
            for number in range(len(self._cluster.machines)):
                self._cluster.processes[number, role].send_signal(signal.SIGKILL)
            for number in range(len(self._cluster.machines)):
                self._cluster.processes[number, role].wait()
                self._cluster.start(number, role)

    def cut_database(self) -> None:
        """Cuts the database off for a while."""
        self._cut(self._database, "cut database")

    def cut_store(self) -> None:
        """Cuts the store off for a while."""
        self._cut(self._store, "cut store")

    def _cut(self, proxy: Proxy, what: str) -> None:
        self.done[what] += 1
        with self._trouble():
            proxy.cut()
            self._some_time()
            proxy.mend()

    def slow_store(self) -> None:
        """Slows the store down."""
        self.done["slow store"] += 1
        with self._trouble():
            self._store.delay = self._random.uniform(0.1, 0.5)
            time.sleep(1)
            self._store.mend()

    def refuse_store(self) -> None:
        """Makes the store respond that it gets too many requests."""
        self.done["refuse store"] += 1
        with self._trouble():
            self._store.refuse()
            self._some_time()
            self._store.mend()

    def truncate_store(self) -> None:
        """Makes the store's responses break off in the middle."""
        self.done["truncate store"] += 1
        with self._trouble():
            self._store.truncates = True
            self._some_time()
            self._store.mend()

    def fill_disk(self) -> None:
        """Fills a machine's disk for a while."""
        if self._disk is None:
            self.done["left out: no small disk could be mounted (it takes root)"] += 1
            return
        self.done["fill disk"] += 1
        began = time.time()
        with self._trouble():
            self._disk.fill()
            self._some_time()
            self._disk.free()
        self.full.append((began, time.time()))

    def lose_notifications(self) -> None:
        """Drops notifications. This is no fault, because all processes also poll."""
        self.done["lose notifications"] += 1
        self._database.drops_notifications = True
        self._some_time()
        self._database.mend()

    def lose_commits(self) -> None:
        """Drops the responses to some commits."""
        self.done["lose commits"] += 1
        self._database.loses_commits = self._random.randint(1, 5)
        deadline = time.monotonic() + 2
        while self._database.loses_commits and time.monotonic() < deadline:
            time.sleep(0.02)
        self._database.mend()

    def lose_transactions(self) -> None:
        """Makes the database end every connection, as in a failover."""
        self.done["lose transactions"] += 1
        with self._trouble(), psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where backend_type = 'client backend' and pid <> pg_backend_pid()"
            )

    def freeze_worker(self, role: str = "worker") -> None:
        """Freezes a worker or builder for longer than the limit of its heartbeat, and then lets it continue."""
        self.done[f"freeze {role}"] += 1
        # A process that was started while the database was disconnected may have ended.
        self._cluster.look_after()
        number = self._random.randrange(len(self._cluster.machines))
        process = self._cluster.processes[number, role]
        with self._trouble():
            process.send_signal(signal.SIGSTOP)
            time.sleep(6)
            process.send_signal(signal.SIGCONT)

    def _some_time(self) -> None:
        time.sleep(self._random.uniform(0.2, self._longest))

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        began = time.time()
        try:
            yield
        finally:
            self.troubles.append((began, time.time()))

    def make_well(self) -> None:
        """Repairs everything, so that all processes run and all parts are reachable."""
        self._database.mend()
        self._store.mend()
        self._cluster.look_after()
        self._cluster.wait_until_ready()
