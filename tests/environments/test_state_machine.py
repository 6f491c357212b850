"""The six invariants, as a state machine over everything that makes versions and moves pointers.

The machine calls the services themselves on a real PostgreSQL and a real folder, and compares them with a model of the
expected state. A worker's runs are split into steps, so that restores and cancels come between them.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select, text

from easel.access.service import Subject, create_organisation
from easel.apps.config import config_hash
from easel.apps.errors import NothingToRollBackError
from easel.apps.models import App
from easel.apps.schemas import CreateAppRequest
from easel.apps.service import delete_app, set_draft
from easel.deploys.errors import DeployAlreadyLiveError, DeployFinishedError
from easel.deploys.models import Deploy
from easel.deploys.pipeline import Pipeline
from easel.deploys.run_row import StopRequestedError
from easel.deploys.service import DeployOrder, accept, cancel
from easel.deploys.states import BUILD_STEPS
from easel.environments.errors import EnvironmentLockedError, NothingToPromoteError
from easel.environments.models import Audit, Environment
from easel.environments.service import set_lock
from easel.releases.create import create_app
from easel.releases.publish import publish, roll_back
from easel.releases.restore import promote, restore
from easel.serving.published import encoded, published_site, to_store
from easel.uploads.service import issue_upload
from easel.versions.errors import VersionPrunedError
from easel.versions.integrity import Verifier
from easel.versions.models import Version
from easel.versions.pruning import Policy, prune_app
from easel.worker.housekeeping.orphans import sweep_orphans
from easel.worker.housekeeping.sweep import sweep
from testbed.running import zip_of
from tests.deploys.building.builder import PROJECT, Say, build, copy
from tests.world import World

GOOD, BETTER, BEST = (zip_of({"index.html": f"<!doctype html><title>{word}</title>"}) for word in ("a", "b", "c"))
BAD = b"PK\3\4 and then nothing"
BROKEN = zip_of({"index.html": "<!doctype html><script type=module src='/gone.js'></script>"})
SOURCE = zip_of(PROJECT)


async def broken_off(source: Path, say: Say) -> None:
    """Stops the builder in the middle of the build."""
    raise StopRequestedError


class Pointers(RuleBasedStateMachine):
    """A state machine whose rules deploy, build, fail, cancel, stop and continue, restore, promote, publish, roll back,
    lock, prune, sweep and delete."""

    world: World
    deploys: Bundle[str] = Bundle("deploys")

    def __init__(self) -> None:
        super().__init__()
        self.w = self.world
        self.recorded: dict[int, tuple[Any, ...]] = {}
        self.accepted: list[str] = []
        self.pruned: set[int] = set()
        self.deleted = False
        self.swept = False
        self.w.do(self._create())

    async def _create(self) -> None:
        async with self.w.database.transaction() as work:
            organisation = await create_organisation(work, "tests")
            self.caller = Subject("key_x", organisation.id, "tests", "admin", None)
            slug = f"m-{organisation.id[4:]}x"
            request = CreateAppRequest.model_validate({"slug": slug, "meta": {"title": "machine"}})
            self.app = await create_app(
                work, self.w.vault, self.caller, request, max_apps=None, namespace=None, reserved_for=0
            )

    @precondition(lambda self: not self.deleted)
    @rule(
        target=deploys,
        kind=st.sampled_from([GOOD, BETTER, BEST, BAD, BROKEN, SOURCE]),
        environment=st.sampled_from(["production", "staging"]),
    )
    def accept(self, kind: bytes, environment: str) -> str:
        async def go() -> str:
            async with self.w.database.transaction() as work:
                upload = await issue_upload(work, self.app, "x.zip", "application/zip")
                await self.w.objects.put(upload.key, kind)
                order = DeployOrder(environment, "m", "cli_upload", upload.key, None, None, None, None)
                app = await work.session.get_one(App, self.app.id)
                deploy = await accept(work, self.w.objects, self.w.queue, self.w.settings, app, order, "tester")
                return deploy.id

        deploy_id = self.w.do(go())
        self.accepted.append(deploy_id)
        return deploy_id

    @rule(borders=st.none() | st.integers(0, 6))
    def work(self, borders: int | None) -> None:
        """The worker claims the oldest unfinished deploy that does not belong to the builders. The worker may stop
        between two steps, and leave the deploy for later."""
        left = borders

        def should_stop() -> bool:
            nonlocal left
            if left is None:
                return False
            left -= 1
            return left < 0

        async def go() -> None:
            oldest = next((one for one in await self._unfinished() if one.step not in BUILD_STEPS), None)
            if oldest is not None:
                pipeline = Pipeline(self.w.database, self.w.objects, self.w.settings, oldest.id, should_stop)
                with contextlib.suppress(StopRequestedError):
                    await pipeline.run()

        self.w.do(go())

    @rule(stops=st.booleans())
    def build(self, stops: bool) -> None:
        """A builder claims the oldest deploy to be built. The builder may be interrupted, and leave the deploy for
        later."""

        async def go() -> None:
            oldest = next((one for one in await self._unfinished() if one.step in BUILD_STEPS), None)
            if oldest is not None:
                assert stops == await build(self.w, oldest.id, broken_off if stops else copy)

        self.w.do(go())

    @rule()
    def sweep(self) -> None:
        """Removes every object without a reference, however new. Each rule checks afterwards that versions have their
        objects."""
        self.w.do(sweep_orphans(self.w.database, self.w.objects, grace=timedelta(0)))

    @rule()
    def sweep_uploads(self) -> None:
        """Sweeps after all upload URLs have expired long ago. Uploads of unfinished deploys stay."""

        async def go() -> None:
            async with self.w.database.transaction() as work:
                await work.sql(
                    "update upload set created_at = created_at - interval '3 days' where app_id = %(app)s",
                    {"app": self.app.id},
                )
            await sweep(self.w.database, self.w.objects, self.w.queue, self.w.settings)
            for deploy in await self._unfinished():
                assert deploy.bundle_s3_key is not None
                assert await self.w.objects.head(deploy.bundle_s3_key) is not None
                assert deploy.built_key is None or await self.w.objects.head(deploy.built_key) is not None

        if not self.deleted:
            self.w.do(go())

    @rule(count=st.integers(1, 4), skew=st.sampled_from([0.0, 86400.0]))
    def prune(self, count: int, skew: float) -> None:
        async def go() -> None:
            numbers = set(await prune_app(self.w.database, Policy(count, None, skew), self.app.id))
            assert not numbers & set((await self._pointers()).values())
            assert not numbers & {deploy.version for deploy in await self._unfinished()}
            async with self.w.database.transaction() as work:
                left = await work.session.scalars(
                    select(Audit.from_version).where(
                        Audit.app_id == self.app.id, Audit.from_version.is_distinct_from(Audit.to_version)
                    )
                )
                assert not skew or not numbers & set(left)
            with_files = [n for n in sorted(set(self.recorded) - self.pruned) if self.recorded[n][1] is not None]
            assert not numbers & set(with_files[-count:])
            self.pruned |= numbers

        self.w.do(go())

    @precondition(lambda self: self.deleted)
    @rule()
    def sweep_the_deleted(self) -> None:
        """Sweeps long after the app was deleted. The app's objects are removed, but not during a running deploy."""

        async def go() -> None:
            async with self.w.database.transaction() as work:
                await work.sql(
                    "update app set deleted_at = deleted_at - interval '1 hour' where id = %(app)s",
                    {"app": self.app.id},
                )
            await sweep(self.w.database, self.w.objects, self.w.queue, self.w.settings)
            self.swept = self.swept or not await self._unfinished()
            for prefix in (f"apps/{self.app.id}", f"app-builds/{self.app.id}"):
                assert not self.swept or not [info async for info in self.w.objects.keys(prefix)]

        self.w.do(go())

    @rule(deploy_id=deploys)
    def run_again(self, deploy_id: str) -> None:
        """Runs a job once more after its deploy has ended, or was passed on. This changes nothing."""

        async def go() -> None:
            async with self.w.database.transaction() as work:
                deploy = await work.session.get_one(Deploy, deploy_id)
                ended = deploy.status in ("complete", "failed")
            if ended or deploy.step in BUILD_STEPS:
                before = await self._pointers()
                await Pipeline(self.w.database, self.w.objects, self.w.settings, deploy_id, lambda: False).run()
                assert await self._pointers() == before
            if ended or deploy.built_key is not None:
                await build(self.w, deploy_id, broken_off)

        self.w.do(go())

    @precondition(lambda self: not self.deleted)
    @rule(deploy_id=deploys)
    def cancel(self, deploy_id: str) -> None:
        async def go() -> None:
            before = await self._pointers()
            try:
                async with self.w.database.transaction() as work:
                    await cancel(work, self.app, deploy_id, "tester")
            except (DeployFinishedError, DeployAlreadyLiveError):
                pass
            assert await self._pointers() == before

        self.w.do(go())

    @precondition(lambda self: not self.deleted and bool(self.recorded))
    @rule(data=st.data(), environment=st.sampled_from(["production", "staging"]), with_config=st.booleans())
    def restore(self, data: st.DataObject, environment: str, with_config: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.recorded)))
        if self.recorded[number][1] is None:
            return

        async def go() -> None:
            async with self.w.database.transaction() as work:
                try:
                    await restore(
                        work,
                        Verifier(self.w.objects),
                        self.caller,
                        self.app.id,
                        number,
                        environment=environment,
                        with_config=with_config,
                    )
                except EnvironmentLockedError:
                    return
                except VersionPrunedError:
                    assert number in self.pruned
                    return
            assert number not in self.pruned
            assert (await self._pointers())[environment] == number

        self.w.do(go())

    @precondition(lambda self: not self.deleted)
    @rule()
    def promote(self) -> None:
        async def go() -> None:
            async with self.w.database.transaction() as work:
                try:
                    await promote(work, Verifier(self.w.objects), self.caller, self.app.id)
                except (NothingToPromoteError, EnvironmentLockedError):
                    return
            pointers = await self._pointers()
            assert pointers["production"] == pointers["staging"]

        self.w.do(go())

    @precondition(lambda self: not self.deleted)
    @rule(title=st.sampled_from(["a", "b", "c"]), back=st.booleans())
    def publish_or_roll_back(self, title: str, back: bool) -> None:
        async def go() -> None:
            async with self.w.database.transaction() as work:
                app = await work.session.get_one(App, self.app.id, with_for_update={"key_share": True})
                try:
                    if back:
                        await roll_back(work, app, actor="tester")
                    else:
                        draft = {"meta": {"title": title}}
                        set_draft(app, draft, config_hash(draft))
                        await work.session.flush()
                        await publish(work, app, message="m", actor="tester")
                except (EnvironmentLockedError, NothingToRollBackError):
                    pass

        self.w.do(go())

    @precondition(lambda self: not self.deleted)
    @rule(environment=st.sampled_from(["production", "staging"]), locked=st.booleans())
    def lock(self, environment: str, locked: bool) -> None:
        async def go() -> None:
            async with self.w.database.transaction() as work:
                app = await work.session.get_one(App, self.app.id)
                await set_lock(work, app, environment, reason="r", actor="tester", locked=locked)

        self.w.do(go())

    @precondition(lambda self: not self.deleted and len(self.accepted) > 6)
    @rule()
    def delete(self) -> None:
        async def go() -> None:
            async with self.w.database.transaction() as work:
                app = await work.session.get_one(App, self.app.id, with_for_update={"key_share": True})
                await delete_app(work, app)

        self.w.do(go())
        self.deleted = True

    async def _pointers(self) -> dict[str, int | None]:
        async with self.w.database.transaction() as work:
            rows = await work.session.execute(
                select(Environment.name, Environment.version).where(Environment.app_id == self.app.id)
            )
            return dict(rows.all())

    async def _unfinished(self) -> list[Deploy]:
        async with self.w.database.transaction() as work:
            rows = await work.session.scalars(
                select(Deploy)
                .where(Deploy.app_id == self.app.id, Deploy.status.in_(("queued", "building")))
                .order_by(Deploy.sequence)
            )
            return list(rows)

    @invariant()
    def everything_holds(self) -> None:
        self.versions_are_gapless_and_never_change()
        self.pointers_lead_to_complete_versions_and_every_move_is_audited()
        self.deploys_that_are_not_built_record_in_the_order_they_were_accepted()

    def versions_are_gapless_and_never_change(self) -> None:
        async def rows() -> tuple[list[Version], list[tuple[Any, ...]], tuple[Any, ...]]:
            async with self.w.database.transaction() as work:
                found = await work.session.scalars(
                    select(Version).where(Version.app_id == self.app.id).order_by(Version.number)
                )
                versions = list(found)
                which = {"app": self.app.id}
                stored = await work.sql("select hash, config from configuration where app_id = %(app)s", which)
                (app,) = await work.sql(
                    "select draft_hash, draft, published_hash, published, site from app where id = %(app)s", which
                )
                return versions, stored, app

        versions, stored, app = self.w.do(rows())
        # Each configuration is stored once, under its hash, and no other configuration is stored.
        hashes = {known for known, _ in stored}
        assert self.swept or hashes <= {v.config_hash for v in versions}
        assert self.swept or hashes >= {v.config_hash for v in versions if v.number not in self.pruned}
        for known, config in (*stored, app[:2], app[2:4]) if not self.swept else ():
            assert known == config_hash(config)
        # Edges get the published configuration, and nothing else.
        assert self.swept or app[4] == to_store(encoded(published_site(app[3])))
        assert [v.number for v in versions] == list(range(1, len(versions) + 1))
        for v in versions:
            state = (v.kind, v.manifest_key, v.bundle_key, v.content_hash, v.config_hash, v.message, v.deployed_at)
            assert self.recorded.setdefault(v.number, state) == state
            for key in (v.manifest_key, v.bundle_key if v.number not in self.pruned else None):
                if self.swept:
                    break
                path = self.w.objects.local_path(key) if key else None
                assert path is None or path.exists()

    def pointers_lead_to_complete_versions_and_every_move_is_audited(self) -> None:
        async def look() -> tuple[list[Environment], list[Audit]]:
            async with self.w.database.transaction() as work:
                environments = await work.session.scalars(select(Environment).where(Environment.app_id == self.app.id))
                audit = await work.session.scalars(select(Audit).where(Audit.app_id == self.app.id).order_by(Audit.id))
                return list(environments), list(audit)

        environments, audit = self.w.do(look())
        for environment in environments:
            if environment.version is not None:
                assert self.recorded[environment.version][1] is not None
                assert environment.version not in self.pruned
            moves = [a for a in audit if a.environment == environment.name and a.from_version != a.to_version]
            assert environment.version == (moves[-1].to_version if moves else None)
            assert environment.revision == len(moves)
            assert [m.revision for m in moves] == list(range(1, len(moves) + 1))
            assert [m.from_version for m in moves] == [None, *(m.to_version for m in moves)][: len(moves)]

    def deploys_that_are_not_built_record_in_the_order_they_were_accepted(self) -> None:
        async def look() -> list[tuple[int, int]]:
            async with self.w.database.transaction() as work:
                rows = await work.session.execute(
                    select(Deploy.sequence, Deploy.version)
                    .where(Deploy.app_id == self.app.id, Deploy.version.is_not(None), Deploy.built_key.is_(None))
                    .order_by(Deploy.sequence)
                )
                return [(sequence, version) for sequence, version in rows if version is not None]

        versions = [version for _, version in self.w.do(look())]
        assert versions == sorted(versions)

    def teardown(self) -> None:
        """Checks at the end that every accepted deploy has ended, once."""

        async def finish() -> None:
            for deploy in await self._unfinished():
                for _ in range(2):
                    await Pipeline(self.w.database, self.w.objects, self.w.settings, deploy.id, lambda: False).run()
                    await build(self.w, deploy.id)
            async with self.w.database.transaction() as work:
                states = await work.session.execute(select(Deploy.status).where(Deploy.app_id == self.app.id))
                assert {state for (state,) in states} <= {"complete", "failed"}
                await work.session.execute(
                    text("delete from procrastinate_jobs where lock in (:app, 'build:' || :app)"), {"app": self.app.id}
                )

        self.w.do(finish())
        self.everything_holds()


def test_versions_and_pointers_keep_their_invariants(world: World) -> None:
    Pointers.world = world
    run_state_machine_as_test(
        Pointers,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
