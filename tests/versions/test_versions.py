"""Versions: listed, compared, downloaded byte for byte."""

from __future__ import annotations

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.versions import diff
from testbed.running import RunningApp, zip_of
from tests.sites import site_zip

STORES = ("folder", "moto", "rclone")


def test_versions_are_listed_newest_first_with_where_they_are_active(app: RunningApp) -> None:
    app.deploy({"index.html": "<!doctype html>1"}, message="one")
    app.deploy({"index.html": "<!doctype html>2"}, message="two", environment="staging")
    body = app.client.get(f"{app.path}/versions").json()
    assert body["total"] == 2
    assert [(v["version"], v["message"], v["is_active"]) for v in body["versions"]] == [
        (2, "two", {"production": False, "staging": True}),
        (1, "one", {"production": True, "staging": False}),
    ]


def test_a_version_is_downloaded_byte_for_byte(app: RunningApp) -> None:
    for name in ("react-v1", "astro"):
        app.deploy(site_zip(name))
    for number, name in ((1, "react-v1"), (2, "astro")):
        body = app.client.get(f"{app.path}/versions/{number}/download").json()
        assert (body["version"], body["expires_in"]) == (number, 3600)
        assert httpx.get(body["download_url"], trust_env=False, timeout=60).content == site_zip(name).read_bytes()


def test_the_edit_and_redeploy_workflow(app: RunningApp) -> None:
    app.deploy(zip_of({"index.html": "<!doctype html>1", "old.txt": "same", "gone.txt": "x", "keep.txt": "k"}))
    app.deploy(zip_of({"index.html": "<!doctype html>22", "new.txt": "same", "more.txt": "y", "keep.txt": "k"}))
    body = app.client.get(f"{app.path}/versions/1/diff/2").json()
    files = {f["path"]: f for f in body["files"]}
    assert {path: f["status"] for path, f in files.items() if not path.startswith("config/")} == {
        "index.html": "modified",
        "old.txt": "removed",
        "new.txt": "added",
        "gone.txt": "removed",
        "more.txt": "added",
        "keep.txt": "unchanged",
    }
    assert files["index.html"]["size_delta"] == 1
    assert body["renames"] == [{"from_path": "old.txt", "to_path": "new.txt", "hash": files["old.txt"]["old_hash"]}]
    assert body["summary"] == {"added": 2, "removed": 2, "modified": 1, "unchanged": 2}
    back = app.client.get(f"{app.path}/versions/2/diff/1").json()
    assert back["summary"] == {"added": 2, "removed": 2, "modified": 1, "unchanged": 2}
    same = app.client.get(f"{app.path}/versions/2/diff/2").json()
    assert {f["status"] for f in same["files"]} == {"unchanged"}
    assert app.client.get(f"{app.path}/versions/1/diff/9").json()["error"]["code"] == "version_not_found"


def test_sources_are_compared_line_by_line_where_both_versions_have_them(app: RunningApp) -> None:
    page = {"index.html": "<!doctype html>"}
    app.deploy(page, source_files={"a.js": "one\ntwo\n", "same.js": "s\n"})
    app.deploy(page, source_files={"a.js": "one\n2\n", "same.js": "s\n", "b.js": "new"})
    app.deploy(page)
    texts = app.client.get(f"{app.path}/versions/1/diff/2").json()["source_diff"]
    assert texts["a.js"] == "--- a/a.js\n+++ b/a.js\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    assert texts["b.js"].startswith("--- /dev/null\n+++ b/b.js\n")
    assert "same.js" not in texts
    assert app.client.get(f"{app.path}/versions/1/diff/3").json()["source_diff"] is None


def test_a_file_that_takes_too_long_to_compare_is_still_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{n}\n" for n in range(10)]
    old = {"long.js": "x\n" * 30_000, "short.js": "".join(lines)}
    new = {"long.js": "y\n" * 30_000, "short.js": "".join(reversed(lines))}
    there = diff.source_diff(old, new)
    assert "too long for a line-by-line comparison" in there["long.js"]
    assert there["short.js"].startswith("--- a/short.js\n+++ b/short.js\n@@ -1,10 +1,10 @@\n")
    monkeypatch.setattr(diff, "COMPARE_BUDGET", 0)
    assert "too many differences" in diff.source_diff(old, new)["short.js"]


sources = st.one_of(st.none(), st.text(alphabet="ab\n\r\0é\u2028", max_size=30))


@given(sources, sources)
def test_a_source_diff_leads_from_one_text_to_the_other(old: str | None, new: str | None) -> None:
    there = diff.unified("a b.js", old, new).replace("\n\\ No newline at end of file\n", "\1\n")
    head, *lines = re.split("(?<=\n)(?=[-+ @])", there.partition("\n+++ ")[2])
    assert head == ("/dev/null\n" if new is None else "b/a b.js\n")
    for text, marks in ((old, " -"), (new, " +")):
        kept = "".join(line[1:] for line in lines if line[0] in marks).replace("\1\n", "")
        assert (old or "") == (new or "") or kept == (text or "")


def test_a_configuration_without_files_can_be_neither_downloaded_nor_restored(app: RunningApp) -> None:
    app.client.post(f"{app.path}/publish", json={"message": "before any code"})
    assert app.client.get(f"{app.path}/versions/1").json()["asset_manifest"] is None
    for answer in (
        app.client.get(f"{app.path}/versions/1/download"),
        app.client.post(f"{app.path}/versions/1/restore", json={}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "version_has_no_files")


contents = st.dictionaries(st.text(min_size=1, max_size=3), st.tuples(st.sampled_from("abcd"), st.integers(0, 9)))


@given(contents, contents)
def test_a_diff_accounts_for_every_file_and_mirrors_itself(
    old: dict[str, tuple[str, int]], new: dict[str, tuple[str, int]]
) -> None:
    there, back = diff.compare(old, new), diff.compare(new, old)
    assert [f.path for f in there] == sorted(old.keys() | new.keys())
    mirrored = {"added": "removed", "removed": "added"}
    assert [mirrored.get(f.status, f.status) for f in there] == [f.status for f in back]
    assert sum(diff.summarise(there).values()) == len(there)
    renames = diff.renames(there)
    assert len({r.from_path for r in renames}) == len({r.to_path for r in renames}) == len(renames)
    assert all(old[r.from_path][0] == new[r.to_path][0] for r in renames)
