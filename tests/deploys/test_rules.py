"""Rules files of a deployed app, on a real edge. Both paths of the edge apply them, and a restore restores them."""

from __future__ import annotations

import pytest

from testbed.running import RunningApp

HOME = "<!doctype html><title>home</title><script src=/app.js></script>"
FILES = {
    "index.html": HOME,
    "app.js": "1",
    "about.html": "<!doctype html><title>about</title>",
    "private/a.html": "secret",
    "404.html": "<!doctype html><title>none</title>",
    "_redirects": """
/old/* /about 301
/about /new 302
/private/* /404.html 404!
/store id=:id /p/:id
/* /index.html 200
""",
    "_headers": "/*\n  X-Frame-Options: DENY\n  Cache-Control: max-age=60\n/app.js\n  X-App: yes\n",
}


@pytest.fixture
def site(app: RunningApp) -> RunningApp:
    """Returns an app with rules."""
    assert app.deploy(FILES)["status"] == "complete"
    return app


def test_redirect_lines_answer_in_their_order(site: RunningApp) -> None:
    moved = site.visit("/old/x?q=1")
    assert (moved.status_code, moved.headers["location"]) == (301, "/about?q=1")
    assert site.visit("/store?id=7").headers["location"] == "/p/7?id=7"
    assert "about" in site.visit("/about").text
    hidden = site.visit("/private/a")
    assert (hidden.status_code, "none" in hidden.text) == (404, True)


def test_a_catch_all_line_sends_pages_to_navigations_only(site: RunningApp) -> None:
    assert "home" in site.visit("/deep/route", accept="text/html").text
    assert site.visit("/gone.js", **{"sec-fetch-dest": "script"}).status_code == 404


def test_headers_are_on_every_answer_and_caching_on_files_only(site: RunningApp) -> None:
    for _ in range(3):  # The fast path answers from the second request on.
        script = site.visit("/app.js")
        assert (script.headers["x-app"], script.headers["cache-control"]) == ("yes", "max-age=60")
    missing = site.visit("/gone.js", **{"sec-fetch-dest": "script"})
    assert missing.headers["x-frame-options"] == "DENY"
    assert missing.headers["cache-control"] == "public, max-age=0, must-revalidate"
    again = site.visit("/app.js", **{"if-none-match": script.headers["etag"]})
    assert (again.status_code, again.headers["x-app"]) == (304, "yes")


def test_the_files_themselves_are_never_served(site: RunningApp) -> None:
    for name in ("_redirects", "_headers"):
        assert FILES[name] not in site.visit(f"/{name}").text


def test_a_restored_version_answers_as_it_did(site: RunningApp) -> None:
    assert site.deploy({**FILES, "_redirects": "/old/* /elsewhere 302\n", "_headers": ""})["status"] == "complete"
    assert site.visit("/old/x").headers["location"] == "/elsewhere"
    assert "x-app" not in site.visit("/app.js").headers
    latest = site.client.get(f"{site.path}/versions").json()["versions"][0]["version"]
    assert site.client.post(f"{site.path}/versions/{latest - 1}/restore", json={}).status_code == 200
    assert site.visit("/old/x").headers["location"] == "/about"
    assert site.visit("/app.js").headers["x-app"] == "yes"


def test_a_lost_guard_fails_the_deploy_and_the_live_version_stays(site: RunningApp) -> None:
    files = {**FILES, "_headers": "/admin/*\n  Basic-Auth: me:secret\n"}
    status = site.deploy(files)
    assert (status["status"], status["error_code"]) == ("failed", "guard_refused")
    assert "line 2" in status["error"]
    allowed = {"build_config": {"allow": ["guards"]}, "publish": True}
    assert site.client.patch(site.path, json=allowed).status_code == 200
    assert site.deploy(files)["status"] == "complete"
    assert "secret" not in str(site.visit("/admin/x").headers)


def test_the_rules_of_a_version_are_shown_as_they_were_read(site: RunningApp) -> None:
    assert site.deploy({**FILES, "_redirects": "/old/* /elsewhere 302\n/bad\n"})["status"] == "complete"
    shown = site.client.get(f"{site.path}/versions/2/rules").json()
    assert (shown["dialect"], [one["text"] for one in shown["redirects"]]) == ("netlify", ["/old/* /elsewhere 302"])
    assert shown["refused"] == [
        {"file": "_redirects", "line": 2, "text": "/bad", "reason": "it has no target.", "guards": False}
    ]
    assert {"path": "/app.js", "headers": ["X-App: yes"]}.items() <= shown["headers"][1].items()
    changed = site.client.get(f"{site.path}/versions/1/diff/2").json()["rules"]
    assert {"kind": "redirect", "status": "modified", "source": "/old/*"}.items() <= {
        **next(one for one in changed if one["source"] == "/old/*")
    }.items()


def test_a_version_without_rules_has_none_to_show(app: RunningApp) -> None:
    assert app.deploy({"index.html": HOME, "app.js": "1"})["status"] == "complete"
    shown = app.client.get(f"{app.path}/versions/1/rules").json()
    assert (shown["dialect"], shown["redirects"], shown["refused"]) == (None, [], [])
    assert app.client.get(f"{app.path}/versions/9/rules").status_code == 404


def test_a_deploy_may_set_how_rules_are_read_and_which_guards_may_be_lost(app: RunningApp) -> None:
    files = {"index.html": HOME, "app.js": "1", "_redirects": "/old /new\n", "_headers": "/*\n  Basic-Auth: a:b\n"}
    assert app.deploy(files)["error_code"] == "guard_refused"
    done = app.deploy(files, build_config={"rules": "cloudflare", "allow": ["guards"]})
    assert done["status"] == "complete"
    assert app.visit("/old").status_code == 302
    assert app.deploy(files)["error_code"] == "guard_refused", "it is said of one deploy alone"


def test_a_redirect_on_the_fast_path_is_the_same_for_all_clients_that_should_get_it(app: RunningApp) -> None:
    lines = "/old /new 301\n/c /fr 302 Cookie=fr\n/c /en 302\n/q x=1 /one 302\n/q /other 302\n/any/:x /y/:x 308\n"
    assert app.deploy({"index.html": HOME, "app.js": "1", "_redirects": lines})["status"] == "complete"
    for _ in range(4):  # The fast path answers from the second request on.
        moved = app.visit("/old")
        assert (moved.status_code, moved.headers["location"], moved.content) == (301, "/new", b"")
        assert moved.headers["cache-control"] == "public, max-age=0, must-revalidate"
        assert app.visit("/old?a=b").headers["location"] == "/new?a=b"
        assert app.visit("/old", **{"if-none-match": '"x"'}).status_code == 301
        assert app.visit("/c", cookie="fr=1").headers["location"] == "/fr"
        assert app.visit("/c").headers["location"] == "/en"
        assert app.visit("/q?x=1").headers["location"] == "/one?x=1"
        assert app.visit("/q").headers["location"] == "/other"
        assert app.visit("/any/a").headers["location"] == "/y/a"
    assert app.deploy({"index.html": HOME, "app.js": "1", "_redirects": "/old /newer 302\n"})["status"] == "complete"
    assert app.visit("/old").headers["location"] == "/newer"
