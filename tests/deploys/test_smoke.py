"""The smoke test: entry pages that pass, however odd they are, and entry pages that do not pass."""

from __future__ import annotations

import pytest

from easel.deploys.models import Deploy
from easel.serving.start_check import LOOKED_AT, missing_assets
from testbed.running import RunningApp
from tests.serving.building import Place
from tests.worker.test_orphans import make_app, order, run
from tests.world import World

PAGE = "<!doctype html><title>x</title>"


@pytest.mark.parametrize(
    "odd",
    [
        "<![x[y]]> hi",
        "<![ 1 hi",
        "<![if !IE]>x<![endif]>",
        "<p>&#" + "9" * 5000 + ";</p>",
        "<a href='&#" + "9" * 5000 + ";'>x",
        "<base href='http://[x'><script src=a.js></script>",
        "<base href='http://x:99999999/'><script src=a.js></script>",
        "<script src='http://[::1'></script>",
        "<script src='&#xd800;.js'></script>",
        "<base href='javascript:x'><script src=a.js></script>",
        "<a>" * 30_000,
        "<" * 60_000,
        "<a " * 30_000,
    ],
)
def test_a_page_that_browsers_show_does_not_fail(odd: str) -> None:
    site = Place({"index.html": PAGE.encode()}).site()
    assert missing_assets(site, PAGE + odd)[0] == []
    # Everything before the odd part was still read.
    assert missing_assets(site, f"{PAGE}<script type=module src=/gone.js></script>{' ' * 40_000}{odd}")[0]


def test_a_missing_script_is_an_error_and_a_missing_picture_is_not() -> None:
    site = Place({"index.html": PAGE.encode(), "there.js": b"1"}).site()
    errors, notes = missing_assets(
        site,
        "<script type=module src=there.js></script><script src=assets/app-B1c2D3e4.js></script>"
        "<link rel=stylesheet href=a.css>"
        "<!-- <script type=module src=old.js></script> --><img src=b.png><script src=https://cdn.invalid/c.js></script>",
    )
    assert (len(errors), len(notes)) == (1, 1)
    assert "app-B1c2D3e4.js" in errors[0]
    assert "a.css" in notes[0]


@pytest.mark.parametrize(
    ("element", "status"),
    [
        ("<script type=module src='/a\0b.js'></script>", "failed"),
        ("<link rel=stylesheet href='/a\0b.css'>", "complete"),
    ],
)
def test_a_nul_in_an_address_is_reported_as_browsers_read_it(world: World, element: str, status: str) -> None:
    async def go() -> None:
        deploy_id = await order(world, await make_app(world), element)
        await run(world, deploy_id)
        async with world.database.transaction() as work:
            deploy = await work.session.get_one(Deploy, deploy_id)
        assert deploy.status == status
        assert "/a\N{REPLACEMENT CHARACTER}b." in f"{deploy.error} {deploy.warnings}"

    world.do(go())


def test_a_page_made_to_be_slow_goes_live_and_is_read_only_in_part(app: RunningApp) -> None:
    page = PAGE + "<a>" * (LOOKED_AT // 3) + "<script type=module src=/gone.js></script>" + "<a>" * (2 << 20)
    assert app.deploy({"index.html": page})["status"] == "complete"
    assert app.visit().headers["x-easel-version"] == "1"
