"""The smoke test: which entry pages are let through, however odd, and which are not."""

from __future__ import annotations

import pytest

from bench.running import RunningApp
from easel.deploys.smoke import LOOKED_AT, missing_assets
from tests.serving.building import Place

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
    # What stands before the oddity was seen all the same.
    assert missing_assets(site, f"{PAGE}<script type=module src=/gone.js></script>{' ' * 40_000}{odd}")[0]


def test_a_missing_script_is_an_error_and_a_missing_picture_is_none() -> None:
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


def test_a_page_made_to_be_slow_goes_live_and_is_read_only_in_part(app: RunningApp) -> None:
    page = PAGE + "<a>" * (LOOKED_AT // 3) + "<script type=module src=/gone.js></script>" + "<a>" * (2 << 20)
    assert app.deploy({"index.html": page})["status"] == "complete"
    assert app.visit().headers["x-easel-version"] == "1"
