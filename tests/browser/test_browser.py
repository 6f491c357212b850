"""A person's view in real Chromium: the real React build is deployed, navigated and restored."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from testbed.running import RunningApp
from tests.sites import site_zip

pytestmark = pytest.mark.browser


@pytest.fixture
def address(app: RunningApp) -> str:
    """Returns the app's address, with version 1 of the React build live."""
    assert app.deploy(site_zip("react-v1"))["status"] == "complete"
    return f"http://{app.slug}.localhost:{app.platform.edge_port}"


def test_the_deployed_app_works_and_knows_where_it_runs(tab: Page, app: RunningApp, address: str) -> None:
    troubles: list[str] = []
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.goto(address)
    expect(tab.locator("#page-home")).to_be_visible()
    expect(tab.locator("#label")).to_have_text("v1")
    expect(tab.locator("#environment")).to_have_text("production")
    expect(tab.locator("#slug")).to_have_text(app.slug)
    assert tab.evaluate("window.__MIXPEEK__.appId") == app.app_id
    assert troubles == []


def test_client_side_navigation_and_a_reload_on_a_deep_link_work(tab: Page, address: str) -> None:
    tab.goto(address)
    tab.click("#link-item")
    expect(tab.locator("#item-id")).to_have_text("42")
    tab.reload()
    expect(tab.locator("#item-id")).to_have_text("42")
    tab.click("#link-about")
    expect(tab.locator("#about-label")).to_have_text("v1")


def test_an_open_tab_keeps_loading_its_chunks_after_a_deploy(tab: Page, app: RunningApp, address: str) -> None:
    tab.goto(address)
    expect(tab.locator("#label")).to_have_text("v1")
    assert app.deploy(site_zip("react-v2"))["status"] == "complete"
    tab.click("#link-about")
    expect(tab.locator("#about-label")).to_have_text("v1")
    expect(tab.locator("#trouble")).to_have_count(0)
    tab.reload()
    expect(tab.locator("#label")).to_have_text("v2")
    expect(tab.locator("#about-label")).to_have_text("v2")


def test_a_restore_shows_at_the_next_reload(tab: Page, app: RunningApp, address: str) -> None:
    app.deploy(site_zip("react-v2"))
    tab.goto(address)
    expect(tab.locator("#label")).to_have_text("v2")
    assert app.client.post(f"{app.path}/versions/1/restore", json={}).status_code == 200
    tab.reload()
    expect(tab.locator("#label")).to_have_text("v1")


def test_staging_and_each_version_have_addresses_of_their_own(tab: Page, app: RunningApp, address: str) -> None:
    app.deploy(site_zip("react-v2"), environment="staging")
    for host, label, environment in ((f"staging-{app.slug}", "v2", "staging"), (f"v1-{app.slug}", "v1", "v1")):
        tab.goto(address.replace(app.slug, host))
        expect(tab.locator("#label")).to_have_text(label)
        expect(tab.locator("#environment")).to_have_text(environment)
    tab.goto(address)
    expect(tab.locator("#label")).to_have_text("v1")
