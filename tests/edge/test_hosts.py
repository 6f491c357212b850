"""The app, environment and version of each host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from easel.edge.live import LiveSite
from easel.serving.addresses import host_label
from easel.storage.freshness import HOSTS_SLOT, slot_of
from tests.edge.running import App, RunningEdge

Make = Callable[..., App]


def files(text: str) -> dict[str, str]:
    return {"index.html": f"<head></head>{text}"}


def test_each_environment_and_each_version_has_its_own_address(edge: RunningEdge, app: Make) -> None:
    made = app(files("one"))
    made.deploy(files("two"), to="staging")
    made.deploy(files("three"), to="staging")
    for prefix, text, version in [("", "one", 1), ("staging-", "three", 3), ("v1-", "one", 1), ("v2-", "two", 2)]:
        answer = edge.get(f"{prefix}{made.host}")
        assert text.encode() in answer.body
        assert answer["x-easel-version"] == str(version)
    assert b'"environment":"v2"' in edge.get(f"v2-{made.host}").body


@pytest.mark.parametrize("form", ["{}:8080", "{}.", "{}.:80"])
def test_port_and_closing_dot_of_a_host_do_not_matter(edge: RunningEdge, app: Make, form: str) -> None:
    made = app(files("one"))
    assert edge.get(form.format(made.host)).status == 200


@pytest.mark.parametrize("blanks", [" ", "\t", " \t "])
def test_blanks_behind_a_host_are_ignored(edge: RunningEdge, app: Make, blanks: str) -> None:
    made = app(files("one"))
    with edge.connect() as wire:
        for _ in range(3):
            answer = wire.ask(made.host + blanks)
            assert (answer.status, b"one" in answer.body) == (200, True)
            assert wire.ask(made.host).status == 200


def test_the_case_of_a_host_does_not_matter(edge: RunningEdge, app: Make) -> None:
    made = app(files("one"))
    assert edge.get(made.host.upper()).status == 200


def test_a_long_slug_is_reached_at_its_shortened_addresses(edge: RunningEdge) -> None:
    made = edge.app("long-" + "x" * 55, files("one"))
    made.deploy(files("two"), to="staging")
    assert edge.get(f"{host_label('staging', made.slug)}.localhost").status == 200
    assert edge.get(f"{host_label('v1', made.slug)}.localhost").status == 200
    assert edge.get(f"v1-{made.slug[:53]}.localhost").status == 404


def test_only_production_of_an_indexable_app_may_be_indexed(edge: RunningEdge, app: Make) -> None:
    made = app(files("one"), indexable=True)
    made.deploy(files("two"), to="staging")
    assert edge.get(made.host).get("x-robots-tag") is None
    assert b"Allow: /" in edge.get(made.host, "/robots.txt").body
    for prefix in ("staging-", "v1-"):
        assert edge.get(f"{prefix}{made.host}")["x-robots-tag"] == "noindex"
        assert b"Disallow: /" in edge.get(f"{prefix}{made.host}", "/robots.txt").body


@pytest.mark.parametrize("host", ["nobody.localhost", "a.b.localhost", "example.org", "v1-nobody.localhost", "x" * 300])
def test_an_unknown_host_gets_a_page_that_names_nobody(edge: RunningEdge, app: Make, host: str) -> None:
    app(files("one"))
    answer = edge.get(host)
    assert answer.status == 404
    assert b"app-" not in answer.body
    assert host.encode() not in answer.body
    assert answer["cache-control"] == "no-store"


def test_an_app_without_a_version_says_so(edge: RunningEdge, app: Make) -> None:
    made = app()
    answer = edge.get(made.host)
    assert answer.status == 404
    assert b"no version" in answer.body


def test_a_missing_version_is_requested_at_most_once(edge: RunningEdge, app: Make) -> None:
    made = app(files("one"))
    made.last = 5  # Versions 2 to 5 are configuration only, and serve nothing.
    made.commit()
    edge.feed.asked_for.clear()
    for _ in range(3):
        assert edge.get(f"v4-{made.host}").status == 404
        assert edge.get(f"v99-{made.host}").status == 404
    assert edge.feed.asked_for == [4]


def test_simultaneous_visitors_after_a_deploy_share_one_preparation_of_the_site(edge: RunningEdge, app: Make) -> None:
    made = app({**files("one"), "_redirects": "".join(f"/old/{n} /new/{n} 301\n" for n in range(300))})
    made.deploy(files("two"))
    edge.feed.asked_for.clear()

    async def together(label: str) -> list[LiveSite | None]:
        await edge.feed.refresh()
        route = edge.table.find(label)
        assert route is not None
        edge.feed.slow.clear()
        visits = [asyncio.ensure_future(edge.edge.sites.get(label, route)) for _ in range(16)]
        await asyncio.sleep(0)
        edge.feed.slow.set()
        return await asyncio.gather(*visits)

    for label in (made.slug, f"v1-{made.slug}"):
        sites = asyncio.run_coroutine_threadsafe(together(label), edge.loop).result(60)
        assert sites[0] is not None
        assert all(site is sites[0] for site in sites)
    assert edge.feed.asked_for == [1]


def test_a_new_version_has_its_address_the_moment_its_deploy_is_answered(edge: RunningEdge, app: Make) -> None:
    made = app(files("one"))
    for number in range(2, 12):
        assert edge.get(f"v{number}-{made.host}").status == 404
        made.deploy(files(f"text {number}"), to="staging")
        assert f"text {number}".encode() in edge.get(f"v{number}-{made.host}").body


def test_a_deactivated_app_disappears_at_once_and_returns_at_once(edge: RunningEdge, app: Make) -> None:
    made = app(files("one"))
    for _ in range(3):
        assert edge.get(made.host).status == 200
        assert edge.get(f"v1-{made.host}").status == 200
        made.active = False
        made.commit()
        assert edge.get(made.host).status == 404
        assert edge.get(f"v1-{made.host}").status == 404
        made.active = True
        made.commit()


@pytest.mark.parametrize("slug", ["shop", "long-" + "x" * 55])
def test_a_third_environment_has_an_address_like_the_others(edge: RunningEdge, slug: str) -> None:
    made = edge.app(slug, files("first"))
    host = f"{host_label('pr-7', slug)}.localhost"
    assert edge.get(host).status == 404
    made.deploy(files("preview"), to="pr-7")
    assert b"preview" in edge.get(host).body
    assert edge.get(host)["x-robots-tag"] == "noindex"
    assert b"first" in edge.get(made.host).body
    assert b"yet" in edge.get(f"{host_label('staging', slug)}.localhost").body
    made.deploy(files("second"), to="pr-7")
    assert b"second" in edge.get(host).body
    for other in ("pr-8", "pr-07", "pr-71", "preview"):
        assert edge.get(f"{other}-{host.split('-', 2)[2]}").status == 404
    del made.environments["pr-7"]
    made.commit()
    assert edge.get(host).status == 404


def test_a_deleted_apps_slug_is_free_at_once_for_its_organisation(edge: RunningEdge, app: Make) -> None:
    made = app(files("first"))
    assert b"first" in edge.get(made.host).body
    made.delete()
    assert edge.get(made.host).status == 404
    renamed = app(files("second"))
    assert edge.get(renamed.host).status == 200
    old = renamed.host
    renamed_id = renamed.route()
    edge.feed.committed[made.id] = None
    # The same app gets the free slug, and its old slug leads nowhere.
    edge.feed.committed[renamed_id.app_id] = type(renamed_id)(
        renamed_id.app_id, made.slug, True, 1, environments=renamed_id.environments
    )
    edge.page.bump(renamed_id.slot)
    edge.page.bump(0)
    assert edge.get(old).status == 404
    assert b"second" in edge.get(made.host).body


def test_a_versions_address_never_shows_what_the_slugs_owner_before_had_there(edge: RunningEdge) -> None:
    """This is true even if the edge is notified of the end of one app and the beginning of the other app at once."""
    before = edge.app("passed-on", {"index.html": "theirs"})
    assert edge.get("v1-passed-on.localhost").body.endswith(b"theirs")
    edge.feed.committed[before.id] = None
    after = App(edge, "passed-on", owner="other")
    after.point("production", after.record({"index.html": "ours"}))
    edge.page.bump(HOSTS_SLOT)
    edge.page.bump(slot_of(before.id))
    for host in ("passed-on", "v1-passed-on"):
        assert edge.get(f"{host}.localhost").body.endswith(b"ours")


def test_a_request_must_name_exactly_one_host(edge: RunningEdge, app: Make) -> None:
    made = app(files("one"))
    edge.get(made.host)
    for head in (
        "GET / HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: {made.host}\r\nHost: {made.host}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: {made.host}\r\nHost: other.localhost\r\n\r\n",
        f"GET http://{made.host}/ HTTP/1.1\r\nHost: {made.host}\r\nHost: other.localhost\r\n\r\n",
    ):
        with edge.connect() as wire:
            wire.send(head.encode())
            assert wire.reply().status == 400


def test_a_target_with_a_host_of_its_own_overrides_the_header(edge: RunningEdge, app: Make) -> None:
    one, two = app(files("one")), app(files("two"))
    with edge.connect() as wire:
        for _ in range(2):
            assert b"one" in wire.ask(two.host, f"http://{one.host}:8080/index.html?x=1").body
            assert b"two" in wire.ask(one.host, f"http://{two.host}").body
