"""Conditions that must be true after the storm (a time of many faults), whatever happened in it. Database and store
prove them, not Easel."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import psycopg
from obstore.store import S3Store
from psycopg.rows import dict_row

from easel.bundles.models import decode_manifest
from easel.storage.database import Database
from easel.storage.stores import BucketObjects
from easel.worker.housekeeping.orphans import sweep_orphans
from testbed.waiting import until
from tests.system.chaos.follower import Shown
from tests.system.chaos.killer import Killer
from tests.system.chaos.story import Person, Sight
from tests.system.cluster import Cluster

STALE_AT_MOST = 5.0
"""Maximum number of seconds that an edge may be behind while no fault is active."""
SLACK = 1.5
"""Seconds between a transaction's own time and its commit, and between a process's start and its first response."""

_UNFINISHED = "select id, status, step, attempt from deploy where status in ('queued', 'building')"
_OPTIMISING = """
select id from procrastinate_jobs where task_name = 'easel.deploys.optimise' and status in ('todo', 'doing')
"""
_NEEDED = """
select unnest(array[manifest_key, bundle_key, source_files_key]) as key from version
union select object_key from variants
except select null
"""


@dataclass
class Checker:
    """Compares the responses that people got with the recorded and stored state."""

    cluster: Cluster
    connection: psycopg.Connection[dict[str, Any]]
    store: S3Store
    killer: Killer
    url: str
    orphans: int = 0
    """The number of objects without a reference that the sweep found."""

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Returns the rows of a query to the database."""
        return self.connection.cursor(row_factory=dict_row).execute(query.encode(), values).fetchall()

    def settled(self, seconds: float) -> None:
        """Returns once every deploy and its background work have ended."""
        deadline = time.monotonic() + seconds
        while left := self.rows(_UNFINISHED):
            if time.monotonic() > deadline:
                jobs = self.rows("select * from procrastinate_jobs where status in ('todo', 'doing')")
                raise AssertionError(f"{len(left)} deploys never ended: {left[:5]}; waiting or running: {jobs[:5]}")
            time.sleep(0.1)
        while self.rows(_OPTIMISING):
            assert time.monotonic() < deadline, "what is done in the background does not end"
            time.sleep(0.1)

    def person(self, person: Person) -> dict[int, str]:
        """Checks that everything accepted happened once and in order. Returns the text of each version's page."""
        deploys = {row["id"]: row for row in self.rows("select * from deploy where app_id = %s", person.app_id)}
        assert set(deploys) == set(person.accepted), "what was accepted and what is recorded differ"
        ended = [deploys[one] for one in person.accepted]
        done = [one for one in ended if one["status"] == "complete"]
        failed = [one for one in ended if one["status"] != "complete"]
        assert all(self._may_fail(one) for one in failed), [one for one in failed if not self._may_fail(one)]
        in_order = [one["version"] for one in done if one["id"] not in person.built]
        assert in_order == sorted(in_order), f"versions are not in order of acceptance: {in_order}"
        recorded = sorted((one["version"], one["id"]) for one in done)
        assert [number for number, _ in recorded] == list(range(1, len(recorded) + 1)), f"not each once: {recorded}"
        versions = self.rows("select * from version where app_id = %s order by number", person.app_id)
        assert [(one["number"], one["deploy_id"]) for one in versions] == recorded
        assert all((one["built_key"] is not None) == (one["id"] in person.built) for one in done)
        for version in versions:
            self._whole(version["manifest_key"])
        self._pointer(person, len(versions))
        for one in person.accepted:
            lines = [row["seq"] for row in self.rows("select seq from deploy_log where deploy_id = %s order by 1", one)]
            assert lines == list(range(1, len(lines) + 1)), f"the log of {one} has gaps: {lines}"
            assert lines
        return {one["version"]: person.tokens[one["id"]] for one in done}

    def _may_fail(self, deploy: dict[str, Any]) -> bool:
        """Returns true if a deploy may have failed. On a full disk, a deploy fails at once, without a number, because
        waiting does not free a disk."""
        at = deploy["finished_at"].timestamp()
        return (
            deploy["error_code"] in ("storage_full", "builder_disk_full")
            and deploy["version"] is None
            and any(begin <= at <= end + SLACK for begin, end in self.killer.full)
        )

    def logs(self, shown: dict[str, Shown]) -> None:
        """Checks that every follower saw each line of a deploy's log once, in order, however often the stream broke."""
        for deploy_id, seen in shown.items():
            lines = self.rows("select seq, line from deploy_log where deploy_id = %s order by seq", deploy_id)
            assert seen.done
            assert seen.lines == [(one["seq"], one["line"]) for one in lines], f"the log of {deploy_id}"

    def nothing_is_left_behind(self, scratch: Path) -> None:
        """Checks that the orphan sweep leaves exactly the objects that versions refer to."""
        objects = BucketObjects(self.store, scratch)

        async def sweep() -> int:
            database = Database(self.url)
            try:
                # With this time, every object is old enough.
                return await sweep_orphans(database, objects, grace=timedelta(seconds=-5))
            finally:
                await database.close()

        self.orphans = asyncio.run(sweep())
        needed = {row["key"] for row in self.rows(_NEEDED)}
        stored = {info["path"] for batch in obstore.list(self.store, prefix="apps") for info in batch}
        assert stored == needed, f"left behind: {stored - needed}; lost: {needed - stored}"

    def _whole(self, manifest_key: str) -> None:
        data = bytes(obstore.get(self.store, manifest_key).bytes())
        assert hashlib.sha256(data).hexdigest() in manifest_key
        for bundle in decode_manifest(data).bundles:
            found = bytes(obstore.get(self.store, bundle.key).bytes())
            assert (hashlib.sha256(found).hexdigest(), len(found)) == (bundle.hash, bundle.size)

    def _pointer(self, person: Person, versions: int) -> None:
        moves = self._moves(person)
        assert [one["revision"] for one in moves] == list(range(1, len(moves) + 1)), "a move is missing from the audit"
        before = None
        for move in moves:
            assert move["from_version"] == before
            before = move["to_version"]
        (now,) = self.rows("select version from environment where app_id = %s and name = 'production'", person.app_id)
        assert now["version"] == before
        assert before is None or 1 <= before <= versions
        # In the end, every edge serves this version.
        live = str(before) if before else None
        until(
            lambda: {one.visit(person.slug).headers.get("x-easel-version") for one in self.cluster.machines} == {live},
            lambda: f"an edge stays behind version {live} of {person.slug}",
        )

    def _moves(self, person: Person) -> list[dict[str, Any]]:
        # Moves that changed nothing are in the audit too.
        moved = "app_id = %s and environment = 'production' and from_version is distinct from to_version"
        return self.rows(f"select * from audit where {moved} order by id", person.app_id)

    def sights(self, person: Person, sights: list[Sight], tokens: dict[int, str]) -> int:
        """Checks that no page was mixed or too old, and that no visit failed without an active fault. Returns the
        number of good visits."""
        good = 0
        spans = self._spans(person)
        # On a busy machine, refreshes are as slow as visits. On an idle machine, this term is nearly 0.
        stale = STALE_AT_MOST + 20 * statistics.median(sight.answered - sight.asked for sight in sights)
        for sight in sights:
            if sight.slug != person.slug:
                continue
            if sight.status == 200:
                assert sight.token == tokens[sight.version], f"a page of another version: {sight}"
                assert any(
                    begins - SLACK <= sight.answered
                    and sight.asked <= ends + stale + SLACK + self._trouble(ends, sight.asked)
                    for begins, ends in spans.get(sight.version, [])
                ), f"an answer from the past: {sight}, {spans.get(sight.version)}"
                good += 1
            else:
                assert sight.status in (404, 503), sight
                if sight.status == 503:
                    assert self._trouble(sight.asked - stale, sight.answered), f"failed for no reason: {sight}"
        return good

    def _spans(self, person: Person) -> dict[int, list[tuple[float, float]]]:
        """Returns the times at which each version was live."""
        moves = self._moves(person)
        times = [one["at"].timestamp() for one in moves] + [float("inf")]
        spans: dict[int, list[tuple[float, float]]] = {}
        for number, move in enumerate(moves):
            spans.setdefault(move["to_version"], []).append((times[number], times[number + 1]))
        return spans

    def _trouble(self, since: float, until: float) -> float:
        """Returns the seconds between the two times with an active fault. Each fault's effect ends some seconds after
        the fault."""
        return sum(max(0.0, min(until, end + STALE_AT_MOST) - max(since, begin)) for begin, end in self.killer.troubles)
