"""Tabs that were open during a deploy keep working."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from easel.edge import earlier_assets, sites
from easel.storage.object_names import manifest_key
from tests.edge.running import App, RunningEdge

Make = Callable[..., App]
DAY = 86400


def build(name: str) -> dict[str, str]:
    """Returns a build whose chunk has a different name each time."""
    return {
        "index.html": f'<head></head><script type=module src="/assets/About-{name}.js"></script>',
        f"assets/About-{name}.js": f"export default '{name}'",
        "assets/user-settings.js": f"// {name}",
        f"pages/{name}.html": name,
        "logo.svg": "<svg/>",
    }


def test_an_open_tab_keeps_loading_its_chunks_after_a_deploy(edge: RunningEdge, app: Make) -> None:
    made = app(build("x1Y2z3W4"))
    made.deploy(build("a5B6c7D8"))
    made.deploy(build("e9F0g1H2"))
    for name, version in [("x1Y2z3W4", "1"), ("a5B6c7D8", "2"), ("e9F0g1H2", "3")]:
        for _ in range(2):
            answer = edge.get(made.host, f"/assets/About-{name}.js", Accept_Encoding="gzip")
            assert answer.status == 200
            assert answer["x-easel-version"] == version
            assert answer["cache-control"] == "public, max-age=31536000, immutable"
            assert answer["content-type"] == "text/javascript; charset=utf-8"
    assert edge.get(made.host, "/assets/About-zzZZ9999.js").status == 404


def test_only_assets_come_from_earlier_versions(edge: RunningEdge, app: Make) -> None:
    made = app({**build("x1Y2z3W4"), "old.txt": "old", "assets/gone-settings.js": "was here"})
    made.deploy(build("a5B6c7D8"))
    assert edge.get(made.host, "/old.txt").status == 404
    page = edge.get(made.host, "/pages/x1Y2z3W4", Accept="text/html")
    assert b"a5B6c7D8" in page.body
    # The file's name may not contain a hash, so the file is served, and browsers revalidate it.
    kept = edge.get(made.host, "/assets/gone-settings.js")
    assert (kept.status, kept["cache-control"]) == (200, "public, max-age=0, must-revalidate")


def test_after_the_retention_time_the_assets_are_gone(edge: RunningEdge, app: Make) -> None:
    made = app()
    first, second = made.record(build("x1Y2z3W4")), made.record(build("a5B6c7D8"))
    third = made.record(build("e9F0g1H2"))
    made.point("production", first)
    made.point("production", second, left_at=time.time() - 8 * DAY)
    made.point("production", third, left_at=time.time() - 6 * DAY)
    assert edge.get(made.host, "/assets/About-x1Y2z3W4.js").status == 404
    assert edge.get(made.host, "/assets/About-a5B6c7D8.js").status == 200


def test_the_assets_of_another_environment_or_app_are_not_found(edge: RunningEdge, app: Make) -> None:
    made = app(build("x1Y2z3W4"))
    made.deploy(build("a5B6c7D8"), to="staging")
    app(build("q1W2e3R4"))
    for name in ("a5B6c7D8", "q1W2e3R4"):
        assert edge.get(made.host, f"/assets/About-{name}.js").status == 404


def test_a_versions_own_address_serves_that_version_alone(edge: RunningEdge, app: Make) -> None:
    made = app(build("x1Y2z3W4"))
    made.deploy(build("a5B6c7D8"))
    assert edge.get(f"v2-{made.host}", "/assets/About-x1Y2z3W4.js").status == 404
    assert edge.get(f"v1-{made.host}", "/assets/About-x1Y2z3W4.js").status == 200


def test_an_earlier_version_whose_objects_are_missing_is_skipped(edge: RunningEdge, app: Make) -> None:
    made = app(build("x1Y2z3W4"))
    made.deploy(build("a5B6c7D8"))
    gone = edge.objects.local_path(manifest_key(made.id, made.environments["production"].manifest.hex()))
    made.deploy(build("e9F0g1H2"))
    assert gone is not None
    gone.unlink()
    edge.get(made.host)
    assert edge.get(made.host, "/assets/About-x1Y2z3W4.js").status == 200
    assert edge.get(made.host, "/assets/About-a5B6c7D8.js").status == 404


def test_the_newest_of_many_earlier_files_are_found(
    edge: RunningEdge, app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_assets, "_MOST_FILES", len(build("")) + 1)
    made = app(build("x1Y2z3W4"))
    for name in ("a5B6c7D8", "e9F0g1H2", "i3J4k5L6"):
        made.deploy(build(name))
    found = [edge.get(made.host, f"/assets/About-{name}.js").status for name in ("x1Y2z3W4", "a5B6c7D8", "e9F0g1H2")]
    assert found == [404, 200, 200]


def test_earlier_versions_take_no_more_memory_than_their_part(
    edge: RunningEdge, app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The budget is a few bytes. It is used up after one file.
    monkeypatch.setattr(sites, "_EARLIER_SHARE", 10**8)
    made = app({**build("x1Y2z3W4"), "assets/Other-m7N8o9P0.js": ""})
    made.deploy(build("a5B6c7D8"))
    found = [edge.get(made.host, f"/assets/{name}").status for name in ("About-x1Y2z3W4.js", "Other-m7N8o9P0.js")]
    assert sorted(found) == [200, 404]
