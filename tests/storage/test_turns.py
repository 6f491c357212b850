"""Turns: an organisation's jobs wait for at most one job of another organisation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.world import World

FETCH = "select id from easel_fetch_job('{deploys}', '{a deploy}', %s, null, %s, %s)"


@dataclass
class Queue:
    """The queue of a database, as workers use it, and a model of it."""

    connection: psycopg.Connection[Any]
    jobs: dict[int, tuple[str, str]] = field(default_factory=dict)
    """The organisation and app of waiting jobs, oldest first."""
    doing: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    """The organisation, app and worker of running jobs."""

    def worker(self) -> int:
        return self._id("insert into procrastinate_workers default values returning id")

    def add(self, organisation: str, app: str) -> int:
        job = self._id(
            "insert into procrastinate_jobs (queue_name, task_name, lock, args)"
            " values ('deploys', 'a deploy', %s, '{}') returning id",
            app,
        )
        # No deploy exists that shows the job's owner.
        self.connection.execute("update procrastinate_jobs set org_id = %s where id = %s", (organisation, job))
        self.jobs[job] = organisation, app
        return job

    def take(self, worker: int, *, organisation: int | None = None, places: int | None = None) -> int | None:
        found = self.connection.execute(FETCH, (worker, organisation, places)).fetchone()
        if found is None:
            return None
        job = int(found[0])
        self.doing[job] = (*self.jobs.pop(job), worker)
        return job

    def end(self, job: int) -> None:
        self.connection.execute("delete from procrastinate_jobs where id = %s", (job,))
        del self.doing[job]

    def may_begin(self) -> dict[str, int]:
        """Returns the oldest job that may begin, for each organisation."""
        busy = {app for _, app, _ in self.doing.values()}
        oldest: dict[str, int] = {}
        for job, (organisation, app) in self.jobs.items():
            if app not in busy:
                oldest.setdefault(organisation, job)
                busy.add(app)
        return oldest

    def running(self, worker: int | None = None) -> dict[str, int]:
        """Returns the number of running jobs of each organisation, on one worker or on all."""
        counted: defaultdict[str, int] = defaultdict(int)
        for organisation, _, where in self.doing.values():
            counted[organisation] += worker in (None, where)
        return counted

    def _id(self, query: str, *given: object) -> int:
        row = self.connection.execute(query.encode(), given).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def queue(world: World) -> Iterator[Queue]:
    with psycopg.connect(world.url) as connection:
        yield Queue(connection)
        connection.rollback()


ORGANISATIONS = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ORGANISATIONS, st.integers(0, 2)),
        st.tuples(st.just("take"), st.integers(0, 1), st.none()),
        st.tuples(st.just("end"), st.integers(0, 9), st.none()),
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS, most=st.sampled_from([None, 1, 2]), places=st.sampled_from([None, 1, 2]))
def test_the_organisation_with_the_fewest_running_jobs_is_next_and_the_longest_wait_decides_between_equals(
    queue: Queue, steps: list[tuple[str, object, object]], most: int | None, places: int | None
) -> None:
    with queue.connection.transaction(force_rollback=True):
        queue.jobs.clear()
        queue.doing.clear()
        workers = [queue.worker(), queue.worker()]
        served: dict[str, int] = {}
        for number, (what, which, app) in enumerate(steps):
            if what == "add":
                queue.add(str(which), f"{which}-{app}")
            elif what == "end" and queue.doing:
                assert isinstance(which, int)
                queue.end(list(queue.doing)[which % len(queue.doing)])
            elif what == "take":
                assert isinstance(which, int)
                worker = workers[which]
                may, running, here = queue.may_begin(), queue.running(), queue.running(worker)
                if most is not None:
                    may = {organisation: job for organisation, job in may.items() if running[organisation] < most}
                if places is not None and sum(here.values()) >= places:
                    may = {organisation: job for organisation, job in may.items() if here[organisation] == 0}
                    event("only for who has none here")
                order = sorted(may, key=lambda one: (running[one], served.get(one, -1), min(queue_ids(queue, one))))
                taken = queue.take(worker, organisation=most, places=places)
                assert taken == (may[order[0]] if order else None)
                if order:
                    served[order[0]] = number


def queue_ids(queue: Queue, organisation: str) -> list[int]:
    return [job for job, (whose, _) in queue.jobs.items() if whose == organisation]


def test_one_organisations_hundreds_of_jobs_make_no_other_wait_for_more_than_one(queue: Queue) -> None:
    many = [queue.add("big", f"big-{number}") for number in range(240)]
    worker = queue.worker()
    assert queue.take(worker) == many[0]
    only = queue.add("small", "small-1")
    queue.end(many[0])
    assert [queue.take(worker), queue.take(worker)] == [only, many[1]]


def test_a_full_worker_has_a_slot_for_an_organisation_without_a_deploy_on_it(queue: Queue) -> None:
    many = [queue.add("big", f"big-{number}") for number in range(3)]
    worker, another = queue.worker(), queue.worker()
    assert [queue.take(worker, places=2) for _ in range(3)] == [many[0], many[1], None]
    only = queue.add("small", "small-1")
    assert queue.take(worker, places=2) == only
    # If no other organisation has running jobs, this organisation may use the place again.
    assert queue.take(another, places=2) == many[2]


def test_a_job_belongs_to_the_organisation_of_its_app(queue: Queue) -> None:
    queue.connection.execute("insert into organisation (id, name, created_at) values ('org_x', 'x', now())")
    queue.connection.execute(
        "insert into app (id, org_id, slug, is_active, draft, published, last_version, last_sequence, created_at,"
        " updated_at) values ('app_x', 'org_x', 'turns', true, '{}', '{}', 0, 0, now(), now())"
    )
    for args in ('{"app_id": "app_x"}', "{}"):
        queue.connection.execute(
            "insert into procrastinate_jobs (queue_name, task_name, args) values ('whose', 'x', %s)", (args,)
        )
    query = "select count(*), org_id from procrastinate_jobs where queue_name = 'whose' group by org_id order by org_id"
    assert queue.connection.execute(query).fetchall() == [(1, ""), (1, "org_x")]
