"""A storm: people deploy and restore through all apis, visitors use all edges, and at the same time every part fails.

`make chaos` makes the storm long: EASEL_CHAOS_KILLS kills (500), from EASEL_CHAOS_SEED or a random seed. The assertions
are the same as in the short form, which is one of the tests and has the same seed each time.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.system.chaos.checker import Checker
from tests.system.chaos.follower import Follower
from tests.system.chaos.killer import Killer
from tests.system.chaos.story import Person, Visitor
from tests.system.conftest import Shared

KILLS = int(os.environ.get("EASEL_CHAOS_KILLS", "0"))
SEED = int(os.environ.get("EASEL_CHAOS_SEED", "0")) or (secrets.randbelow(1_000_000) if KILLS else 1)


@contextmanager
def going_on(all_of_them: Sequence[Person | Visitor | Follower]) -> Iterator[None]:
    """Runs all of the people and visitors for the duration of the block. Raises their errors."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(all_of_them)) as pool:
        doing = [pool.submit(one.go_on, stop) for one in all_of_them]
        try:
            yield
        finally:
            stop.set()
        for one in doing:
            one.result()


@pytest.mark.timeout(4 * 3600 if KILLS else 900)
def test_accepted_requests_take_effect_once_and_in_order_through_all_failures(shared: Shared, tmp_path: Path) -> None:
    cluster = shared.cluster
    killer = Killer(cluster, shared.database, shared.bucket, shared.disk, shared.direct_url, SEED)
    people = [Person(cluster, SEED + number) for number in range(3)]
    for person in people:
        person.begin()
    visitor = Visitor(cluster, people)
    followers = [Follower(cluster, people, SEED + number) for number in range(2)]
    began = time.monotonic()
    print(f"\nseed {SEED}", flush=True)
    with going_on([*people, visitor, *followers]):
        if KILLS:
            for event in killer.in_turn():
                event()
            while killer.kills < KILLS:
                killer.at_random()
                killer.let_go_on()
                print(f"{killer.kills} kills, {sum(len(p.accepted) for p in people)} deploys", flush=True)
        else:
            for event in killer.briefly():
                event()
        killer.make_well()
    with psycopg.connect(shared.direct_url, autocommit=True, row_factory=dict_row) as connection:
        checker = Checker(cluster, connection, shared.store, killer, shared.direct_url)
        checker.settled(300)
        good = sum(checker.sights(person, visitor.sights, checker.person(person)) for person in people)
        for follower in followers:
            checker.logs(follower.shown)
        checker.nothing_is_left_behind(tmp_path)
    print(
        f"{sum(len(p.accepted) for p in people)} deploys ({sum(len(p.built) for p in people)} built),"
        f" {sum(p.restores for p in people)} restores,"
        f" {good} good of {len(visitor.sights)} sights, {sum(p.repeats for p in people)} requests sent again,"
        f" {sum(len(f.shown) for f in followers)} logs followed ({sum(f.resumed for f in followers)} times broken off),"
        f" {checker.orphans} orphans,"
        f" {time.monotonic() - began:.0f} seconds; {dict(killer.done)}"
    )
    assert not cluster.ended, "\n".join(cluster.ended)
    assert good
    assert all(person.accepted for person in people)
