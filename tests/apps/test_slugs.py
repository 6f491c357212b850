"""A slug stays reserved for its organisation for a while after its app has given it up."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from easel import clock
from easel.access.service import Subject, create_organisation
from easel.apps.errors import SlugReservedError, SlugTakenError, TooManySlugsError
from easel.apps.models import App
from easel.apps.schemas import CreateAppRequest, UpdateAppRequest
from easel.apps.service import delete_app, get_app, update_app
from easel.apps.slugs import flush_slug, refuse_taken
from easel.releases.create import create_app
from easel.releases.publish import publish
from easel.storage.database import Transaction
from easel.worker.housekeeping.sweep import sweep
from tests.world import World

DAY = 86400.0
LONG = "customer-portal-for-the-northern-region-of-acme-corp-example"
LIKE_IT = "customer-portal-for-the-northern-region-of-acme-qwsnyykyc2kj"
"""The staging address of this slug equals the staging address of `LONG`."""
SLUGS = ("first-of-these", "second-of-these", LONG, LIKE_IT)


class Neighbours(RuleBasedStateMachine):
    """Two organisations that create, publish, rename and delete apps with a few slugs, as time passes."""

    world: ClassVar[World]
    ahead: ClassVar[timedelta] = timedelta(0)
    """The time by which the clock is ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[str, tuple[int, str, bool]] = {}
        """Maps a slug to its owner, its app, and whether the app has a version."""
        self.former: dict[str, tuple[int, datetime]] = {}
        """Maps a slug to its former owner, and the end of its reservation."""
        self.callers = self.world.do(self._begin())

    async def _begin(self) -> list[Subject]:
        async with self.world.database.transaction() as work:
            # Apps that remain from an earlier run.
            await work.sql("update app set deleted_at = now() where slug = any(%(slugs)s)", {"slugs": list(SLUGS)})
            await work.sql("delete from former_slug where slug = any(%(slugs)s)", {"slugs": list(SLUGS)})
            made = [await create_organisation(work, name) for name in ("one", "two")]
            return [Subject("key_x", organisation.id, "tests", "admin", None) for organisation in made]

    def expected(self, who: int, slug: str) -> type[Exception] | None:
        alike = [slug] if slug not in (LONG, LIKE_IT) else [LONG, LIKE_IT]
        if any(one in self.live for one in alike):
            return SlugTakenError
        held = [self.former[one] for one in alike if one in self.former]
        return SlugReservedError if any(whose != who and until > clock.now() for whose, until in held) else None

    def leave(self, slug: str) -> None:
        who, _, versions = self.live.pop(slug)
        if versions:
            self.former[slug] = (who, clock.now() + timedelta(days=90))

    @rule(who=st.integers(0, 1), slug=st.sampled_from(SLUGS))
    def create(self, who: int, slug: str) -> None:
        async def go() -> str:
            async with self.world.database.transaction() as work:
                return (await _create(work, self.world, self.callers[who], slug)).id

        expected = self.expected(who, slug)
        with pytest.raises(expected) if expected else contextlib.nullcontext():
            self.live[slug] = (who, self.world.do(go()), False)

    @rule(slug=st.sampled_from(SLUGS))
    def publish(self, slug: str) -> None:
        async def go() -> None:
            async with self.world.database.transaction() as work:
                await publish(work, await self._app(work, slug), message="m", actor="tests")

        if slug in self.live:
            self.world.do(go())
            self.live[slug] = (*self.live[slug][:2], True)

    @rule(old=st.sampled_from(SLUGS), new=st.sampled_from(SLUGS), dry_run=st.booleans())
    def rename(self, old: str, new: str, dry_run: bool) -> None:
        if old not in self.live or old == new:
            return
        request = UpdateAppRequest.model_validate({"slug": new})

        async def go() -> None:
            async with self.world.database.transaction() as work:
                app = await self._app(work, old, with_draft=True)
                vault = self.world.vault
                await update_app(work, vault, app, request, dry_run=dry_run, reserved_for=90 * DAY)

        who, app_id, versions = self.live[old]
        # An app does not block itself, but its long slug blocks another slug with the same addresses.
        expected = self.expected(who, new)
        with pytest.raises(expected) if expected else contextlib.nullcontext():
            self.world.do(go())
            if not dry_run:
                self.leave(old)
                self.live[new] = (who, app_id, versions)

    @rule(slug=st.sampled_from(SLUGS))
    def delete(self, slug: str) -> None:
        async def go() -> None:
            async with self.world.database.transaction() as work:
                await delete_app(work, await self._app(work, slug))

        if slug in self.live:
            self.world.do(go())
            self.leave(slug)

    @rule(days=st.sampled_from([1, 45, 89, 90]))
    def wait(self, days: int) -> None:
        Neighbours.ahead += timedelta(days=days)

    @rule()
    def sweep(self) -> None:
        self.world.do(sweep(self.world.database, self.world.objects, self.world.queue, self.world.settings))

    async def _app(self, work: Transaction, slug: str, *, with_draft: bool = False) -> App:
        who, app_id, _ = self.live[slug]
        return await get_app(work, self.callers[who], app_id, lock=True, with_draft=with_draft)


async def _create(work: Transaction, world: World, caller: Subject, slug: str) -> App:
    request = CreateAppRequest.model_validate({"slug": slug, "meta": {"title": "x"}})
    return await create_app(
        work, world.vault, caller, request, max_apps=None, namespace=None, reserved_for=world.settings.slug_reserved_for
    )


def test_another_organisation_takes_a_slug_only_ninety_days_after_it_was_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + Neighbours.ahead)
    Neighbours.world = world
    run_state_machine_as_test(
        Neighbours,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )


async def _organisations(world: World) -> list[Subject]:
    async with world.database.transaction() as work:
        made = [await create_organisation(work, name) for name in ("one", "two")]
        return [Subject("key_x", organisation.id, "tests", "admin", None) for organisation in made]


def test_an_app_that_is_created_and_deleted_while_another_is_created_keeps_its_slug(world: World, slug: str) -> None:
    async def go() -> None:
        one, two = await _organisations(world)
        reserved_for = world.settings.slug_reserved_for
        async with world.database.transaction() as work:
            await refuse_taken(work, slug, two.org_id, reserved_for)
            async with world.database.transaction() as others:
                app = await _create(others, world, one, slug)
                await publish(others, app, message="m", actor="tests")
            async with world.database.transaction() as others:
                await delete_app(others, await get_app(others, one, app.id, lock=True))
            late = App(
                id=f"{app.id}x",
                org_id=two.org_id,
                slug=slug,
                draft={},
                published={},
                created_at=clock.now(),
                updated_at=clock.now(),
            )
            work.session.add(late)
            await flush_slug(work, late, reserved_for)

    with pytest.raises(SlugReservedError):
        world.do(go())


@pytest.mark.parametrize("reserved_for", [0.0, DAY])
def test_the_setting_determines_how_long_a_slug_stays_reserved(world: World, slug: str, reserved_for: float) -> None:
    async def go() -> Any:
        one, two = await _organisations(world)
        async with world.database.transaction() as work:
            app = await _create(work, world, one, slug)
            await publish(work, app, message="m", actor="tests")
            await work.session.flush()
            await delete_app(work, app)
        async with world.database.transaction() as work:
            await refuse_taken(work, slug, one.org_id, reserved_for)
            await refuse_taken(work, slug, two.org_id, reserved_for)

    with pytest.raises(SlugReservedError, match="is reserved") if reserved_for else contextlib.nullcontext():
        world.do(go())


def test_an_organisation_keeps_only_so_many_slugs_by_renaming(
    world: World, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.apps.slugs.MOST_LEFT", 2)

    async def rename(one: Subject, app_id: str, new: str) -> None:
        async with world.database.transaction() as work:
            app = await get_app(work, one, app_id, lock=True, with_draft=True)
            request = UpdateAppRequest.model_validate({"slug": new})
            await update_app(work, world.vault, app, request, dry_run=False, reserved_for=DAY)

    async def go() -> None:
        one, _ = await _organisations(world)
        async with world.database.transaction() as work:
            app = await _create(work, world, one, slug)
            await publish(work, app, message="m", actor="tests")
        for number in (1, 2):
            await rename(one, app.id, f"{slug}{number}")
        with pytest.raises(TooManySlugsError):
            await rename(one, app.id, f"{slug}3")

    world.do(go())
