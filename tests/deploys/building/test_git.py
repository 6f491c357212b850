"""A commit of a connected repository becomes a version, which records its commit and its sources."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from easel import clock
from easel.apps.models import App
from easel.deploys.errors import RepositoryNotConnectedError
from easel.deploys.phases import BUILD_TASK
from easel.deploys.pushes import deploy_push
from easel.deploys.service import AcceptedDeploy, DeployOrder, accept
from easel.repositories.errors import BranchNameError, CommitShaError
from easel.repositories.fetch import fetching
from easel.repositories.models import Repository
from easel.repositories.providers.models import Delivery, Push
from easel.repositories.service import following
from testbed.git_server import BareRepository, GitServer, git_server
from tests.deploys.building.builder import PROJECT, Say, build, copy, jobs, seen
from tests.deploys.test_run_row import versions
from tests.worker.test_orphans import make_app, run
from tests.world import World

TOML = '[build]\nroot = "apps/web"\nignore = ["*.md"]\n'
LOOPBACK: dict[str, Any] = {"private_networks": ("127.0.0.0/8",)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server(tmp_path_factory.mktemp("git")) as server:
        yield server


async def connected(world: World, server: GitServer) -> tuple[App, BareRepository]:
    """Returns an app that follows a new repository."""
    app = await make_app(world)
    place = f"{secrets.token_hex(4)}/app.git"
    repository = server.repository(place)
    async with world.database.transaction() as work:
        row = Repository(
            app_id=app.id,
            org_id=app.org_id,
            repo_url=f"{server.url}/{place}",
            branch="main",
            provider="plain",
            allow=[],
            sealed_webhook_secret=world.vault.seal("s"),
            connected_by="tester",
            connected_at=clock.now(),
        )
        work.session.add(row)
    return app, repository


async def pushed(world: World, app: App, sha: str) -> str:
    """Deploys the push that a webhook reports, and returns the id of the deploy."""
    delivery = Delivery(sha, "push", (Push("main", sha, None, None),))
    async with world.database.transaction() as work:
        found = await following(work, app.id, app.org_id)
        assert found is not None
        heard = await deploy_push(work, world.objects, world.queue, world.settings, *found, delivery=delivery, body=b"")
    assert heard.deploy_id is not None
    return heard.deploy_id


async def order_git(world: World, app: App, *, sha: str | None = None, branch: str | None = None) -> AcceptedDeploy:
    async with world.database.transaction() as work:
        held = await work.session.get_one(App, app.id)
        wanted = DeployOrder("production", "m", "git", None, None, sha, None, None, git_branch=branch)
        return await accept(work, world.objects, world.queue, world.settings, held, wanted, "tester")


def test_the_newest_commit_of_the_branch_becomes_a_version_with_its_commit_and_sources(
    world: World, server: GitServer
) -> None:
    async def go() -> None:
        app, repository = await connected(world, server)
        sha = repository.commit({**PROJECT, ".env": "A=1"}, "Grüße\n\nMore")
        wanted = (await order_git(world, app)).id
        assert await jobs(world, wanted) == [BUILD_TASK]
        given: dict[str, Any] = {}
        await build(world, wanted, given=given, **LOOPBACK)
        # A dependency may be on the same host.
        assert given["settings"].build_hosts == (f"127.0.0.1:{server.port}",)
        row, log = await seen(world, wanted)
        assert (row.git_commit_sha, row.git_branch, row.step) == (sha, "main", "built")
        assert f"Commit {sha[:12]} of main: Grüße" in log
        await run(world, wanted)
        (version,) = await versions(world, app)
        facts = (version.git_commit_sha, version.git_commit_message, version.git_author, version.git_branch)
        assert facts == (sha, "Grüße\n\nMore", "Ada <ada@example.org>", "main")
        assert version.source_files_key is not None
        sources = await world.objects.get(version.source_files_key)
        assert (b'"package.json"' in sources, b'".env"' in sources) == (True, False)
        assert {"queued", "fetch", "build", "activate"} <= (await seen(world, wanted))[0].timings.keys()

    world.do(go())


def test_a_requested_commit_is_built_although_the_branch_has_moved(world: World, server: GitServer) -> None:
    async def go() -> None:
        app, repository = await connected(world, server)
        old = repository.commit({**PROJECT, "src/index.html": "<!doctype html>old"})
        repository.commit(PROJECT, after=old)
        wanted = (await order_git(world, app, sha=old.upper())).id
        await build(world, wanted, **LOOPBACK)
        await run(world, wanted)
        row, _ = await seen(world, wanted)
        assert (row.status, row.git_commit_sha) == ("complete", old)

    world.do(go())


def test_a_repeated_build_uses_the_same_commit(world: World, server: GitServer) -> None:
    async def go() -> None:
        app, repository = await connected(world, server)
        first = repository.commit(PROJECT)
        wanted = (await order_git(world, app)).id
        stops = False

        async def pushed_meanwhile(source: Path, say: object) -> None:
            nonlocal stops
            repository.commit({"package.json": "{}"}, after=first)
            stops = True
            raise OSError("the builder is killed")

        with pytest.raises(OSError, match="killed"):
            await build(world, wanted, pushed_meanwhile, **LOOPBACK)
        await build(world, wanted, **LOOPBACK)
        row, _ = await seen(world, wanted)
        assert (row.git_commit_sha, row.step) == (first, "built")

    world.do(go())


def test_a_push_that_changed_nothing_for_the_app_is_skipped_and_the_live_version_stays(
    world: World, server: GitServer
) -> None:
    async def go() -> None:
        app, repository = await connected(world, server)
        monorepo = {**{f"apps/web/{path}": text for path, text in PROJECT.items()}, "easel.toml": TOML}
        sha = repository.commit(monorepo)

        async def copy_web(source: Path, say: Say) -> None:
            await copy(source / "apps/web", say)
            (source / "apps/web/dist").rename(source / "dist")

        async def ended(wanted: str) -> str:
            await build(world, wanted, copy_web, **LOOPBACK)
            row, _ = await seen(world, wanted)
            if row.status == "failed":
                return row.error_code or "?"
            await run(world, wanted)
            return str((await seen(world, wanted))[0].version)

        assert await ended(await pushed(world, app, sha)) == "1"
        # A push of several commits, the last of which changes no relevant file.
        sha = repository.commit({**monorepo, "apps/web/src/a.js": "1"}, after=sha)
        sha = repository.commit({**monorepo, "apps/web/src/a.js": "1", "apps/shop/a.js": "1"}, after=sha)
        assert await ended(await pushed(world, app, sha)) == "2"
        sha = repository.commit(
            {**monorepo, "apps/web/src/a.js": "1", "apps/shop/a.js": "2", "apps/web/docs/a.md": ""}, after=sha
        )
        skipped = await pushed(world, app, sha)
        assert await ended(skipped) == "deploy_skipped"
        row, log = await seen(world, skipped)
        assert (row.git_commit_sha, row.step, row.version) == (sha, "fetch", None)
        assert log[-2].endswith("2 files, `apps/shop/a.js`, `apps/web/docs/a.md`.")
        assert "no file that this app is built from has changed since version 2" in log[-1]
        assert "are in `apps/web`, or directly in a parent folder, except files that match `ignore`" in log[-1]
        # A deploy by hand, or an empty commit, builds the same files.
        assert await ended((await order_git(world, app, sha=sha)).id) == "3"
        files = {**monorepo, "apps/web/src/a.js": "1", "apps/shop/a.js": "2", "apps/web/docs/a.md": ""}
        sha = repository.commit(files, "Build, please", after=sha)
        assert await ended(await pushed(world, app, sha)) == "4"

    world.do(go())


def test_a_push_without_a_message_becomes_a_version_with_the_message_of_its_commit(
    world: World, server: GitServer
) -> None:
    async def go() -> None:
        app, repository = await connected(world, server)
        wanted = await pushed(world, app, repository.commit(PROJECT, "Sell hats\n\nAnd gloves"))
        await build(world, wanted, **LOOPBACK)
        await run(world, wanted)
        assert (await seen(world, wanted))[0].message == "Sell hats"
        (version,) = await versions(world, app)
        assert (version.message, version.git_commit_message) == ("Sell hats", "Sell hats\n\nAnd gloves")

    world.do(go())


def test_a_late_or_repeated_webhook_deploys_no_old_commit(
    world: World, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "HEAD_LAG", 0.01)

    async def go() -> None:
        app, repository = await connected(world, server)
        old = repository.commit({**PROJECT, "src/index.html": "<!doctype html>old"})
        new = repository.commit(PROJECT, after=old)
        live = await pushed(world, app, new)
        await build(world, live, **LOOPBACK)
        await run(world, live)
        late = await pushed(world, app, old)
        await build(world, late, **LOOPBACK)
        row, log = await seen(world, late)
        assert (row.status, row.error_code, row.step) == ("failed", "deploy_superseded", "fetch")
        assert f"the newest commit of `main` is now {new[:12]} and no longer {old[:12]}" in log[-1]
        assert [version.git_commit_sha for version in await versions(world, app)] == [new]
        # Hosts report a push before all of their machines know it, so the host is queried twice.
        newest = repository.commit({**PROJECT, "a.txt": ""}, after=new)
        repository.git("update-ref", "refs/heads/main", new)
        early = await pushed(world, app, newest)
        asked = 0

        def catch_up(path: str) -> None:
            nonlocal asked
            asked += 1
            if asked == 3:
                repository.git("update-ref", "refs/heads/main", newest)

        server.before = catch_up
        await build(world, early, **LOOPBACK)
        server.before = lambda path: None
        assert (await seen(world, early))[0].step == "built"

    world.do(go())


def test_a_push_is_built_if_the_earlier_commit_is_gone_or_settings_have_changed(
    world: World, server: GitServer
) -> None:
    async def go() -> None:
        app, repository = await connected(world, server)
        files = {**PROJECT, "easel.toml": '[build]\nignore = ["*.md"]\n'}

        async def version(wanted: str) -> int | None:
            await build(world, wanted, **LOOPBACK)
            await run(world, wanted)
            return (await seen(world, wanted))[0].version

        first = repository.commit(files)
        assert await version(await pushed(world, app, first)) == 1
        # After this forced push, the host pruned the old commit.
        second = repository.commit({**files, "a.md": ""})
        repository.forget(first)
        forced = await pushed(world, app, second)
        assert await version(forced) == 2
        assert any("version 1" in line and "cannot determine" in line for line in (await seen(world, forced))[1])
        async with world.database.transaction() as work:
            (await work.session.get_one(App, app.id)).published_at = clock.now()
        assert await version(await pushed(world, app, repository.commit({**files, "b.md": ""}, after=second))) == 3

    world.do(go())


def test_a_failed_fetch_fails_the_deploy_and_the_live_version_stays(world: World, server: GitServer) -> None:
    async def go() -> None:
        app, repository = await connected(world, server)
        repository.commit(PROJECT)
        first = (await order_git(world, app)).id
        await build(world, first, **LOOPBACK)
        await run(world, first)
        codes = []
        for branch, networks in (("gone", LOOPBACK), (None, {})):
            wanted = (await order_git(world, app, branch=branch)).id
            await build(world, wanted, **networks)
            row, log = await seen(world, wanted)
            assert (row.status, row.step) == ("failed", "fetch")
            assert row.error is not None
            assert row.error in log[-1]
            codes.append(row.error_code)
        assert codes == ["branch_not_found", "repo_host_private"]
        assert [version.number for version in await versions(world, app)] == [1]

    world.do(go())


def test_a_missing_repository_and_invalid_commits_or_branches_are_refused_at_once(
    world: World, server: GitServer
) -> None:
    async def go() -> None:
        with pytest.raises(RepositoryNotConnectedError):
            await order_git(world, await make_app(world))
        app, _ = await connected(world, server)
        with pytest.raises(BranchNameError):
            await order_git(world, app, branch="--upload-pack=x")
        for sha in ("abc123", "-x" + 38 * "a", "HEAD"):
            with pytest.raises(CommitShaError):
                await order_git(world, app, sha=sha)

    world.do(go())
