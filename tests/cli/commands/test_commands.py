"""The commands, as a user runs them against a running Easel."""

from __future__ import annotations

import io
import os
import re
import stat
import subprocess
import uuid
import zipfile
from pathlib import Path

import httpx
import pytest

from ..conftest import Person

PAGE = "<!doctype html><title>x</title><h1>{}</h1>"


def deployed(person: Person, *texts: str) -> None:
    """Deploys a version for each of the texts."""
    for text in texts:
        person.write(index_html=PAGE.format(text))
        person.ok("deploy", "--create", "-m", text)


def shown(person: Person, host: str) -> str:
    return person.platform.visit(host).text


def test_a_folder_is_live_with_one_command_and_the_next_one_needs_no_options(person: Person, slug: str) -> None:
    person.write(index_html=PAGE.format("one"), assets__app_js="1")
    (person.folder / "dist" / ".env").write_text("SECRET=1")
    first = person.ok("deploy", "--create", "-m", "First")
    assert first.stdout.strip() == f"http://{slug}.localhost:{person.platform.edge_port}/"
    assert "Left out by default: .env" in first.stderr
    assert first.stderr.count("Version 1 is live") == 1
    assert "one" in shown(person, slug)
    assert (person.folder / "easel.toml").read_text() == f'app = "{slug}"\nfolder = "dist"\n'
    person.write(index_html=PAGE.format("two"))
    assert "Version 2 is live" in person.ok("deploy", "-m", "Second").stderr
    assert "two" in shown(person, slug)
    assert "one" in shown(person, f"v1-{slug}")


def test_json_is_one_document_on_stdout_and_people_read_stderr(person: Person, slug: str) -> None:
    person.write(index_html=PAGE.format("one"))
    ended = person.ok("deploy", "--create", "-m", "First", "--json")
    assert (ended.document["status"], ended.document["version"]) == ("complete", 1)
    assert "Uploading" in ended.stderr
    for command in (["status"], ["versions"], ["deploys"], ["logs"], ["apps", "list"], ["apps", "show"], ["open"]):
        assert person.ok(*command, "--json").document
    missing = person.run("status", "--app", "no-such-app", "--json")
    assert missing.code == missing.document["exit_code"] == 4
    assert missing.document["error"]["code"] == "app_not_found"
    refused = person.run("apps", "create", slug, "--json")
    assert (refused.code, refused.document["status"]) == (2, 400)
    assert refused.document["error"]["code"] == "slug_taken"


def test_the_commit_is_recorded_with_the_version(person: Person, slug: str) -> None:
    person.write(index_html=PAGE.format("one"))
    names = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada"}
    names |= {"GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_CONFIG_GLOBAL": os.devnull}
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "Fix the header"]):
        subprocess.run(["git", *arguments], cwd=person.folder, check=True, env={**os.environ, **names})
    document = person.ok("deploy", "--create", "-m", "First", "--json").document
    assert document["git_commit_message"] == "Fix the header"
    assert document["git_author"] == "Ada <ada@example.com>"
    assert f"{document['git_commit_sha'][:8]}  " in person.ok("versions").stdout
    subprocess.run(["git", "add", "dist"], cwd=person.folder, check=True)
    document = person.ok("deploy", "-m", "Second", "--json").document
    assert f"{document['git_commit_sha'][:8]}-dirty  " in person.ok("versions").stdout


def test_a_diff_reads_like_gits(person: Person) -> None:
    (person.folder / "main.ts").write_text("const a = 1\n")
    person.write(index_html=PAGE.format("one"), old_js="x" * 100, moved_js="m" * 50)
    person.ok("deploy", "--create", "-m", "First", "--source-files")
    (person.folder / "main.ts").write_text("const a = 2\n")
    person.write(index_html=PAGE.format("longer"), new_js="y")
    (person.folder / "dist" / "old.js").unlink()
    (person.folder / "dist" / "moved.js").rename(person.folder / "dist" / "renamed.js")
    person.ok("deploy", "-m", "Second", "--source-files")
    answer = person.ok("diff", "1", "v2")
    for line in ("A  new.js", "D  old.js", "M  index.html  +3 bytes", "R  moved.js → renamed.js"):
        assert line in answer.stdout
    assert "-const a = 1\n+const a = 2\n" in answer.stdout
    assert "const a" not in person.ok("diff", "1", "production", "--name-status").stdout
    assert person.ok("diff", "2", "2").stdout.strip() == ""
    summary = person.ok("diff", "1", "2", "--json").document["summary"]
    assert summary["added"] == 2
    coloured = person.start("diff", "1", "2", FORCE_COLOR="1")
    out, _ = coloured.communicate(timeout=60)
    assert "\x1b[32m+const a = 2\x1b[0m" in out


def test_pages_get_their_variables_as_the_app_says(person: Person, slug: str) -> None:
    deployed(person, "one")
    for how, holds in (
        ("external", "/_easel/runtime.js"),
        ("inline", "<script>window.__EASEL__"),
        ("off", "<!doctype html><title>"),
    ):
        person.ok("apps", "update", "--var", "A=1", "--runtime", how, "--publish")
        assert holds in shown(person, slug)
    wrong = person.run("apps", "update", "--runtime", "none")
    assert (wrong.code, "'inline', 'external', 'off'" in wrong.stderr) == (2, True)


def test_a_diff_distinguishes_the_apps_own_files_from_its_configuration(person: Person) -> None:
    person.write(index_html=PAGE.format("one"), config__meta_json='{"mine": 1}')
    person.place("config/theme.json", "mine: 1\n")
    person.ok("deploy", "--create", "-m", "First", "--source-files")
    person.write(config__meta_json='{"mine": 22}')
    person.place("config/theme.json", "mine: 2\n")
    person.ok("apps", "update", "--title", "Another title", "--publish")
    person.ok("deploy", "-m", "Second", "--source-files")
    answer = person.ok("diff", "1", "latest")
    assert [line.split("  ")[:2] for line in answer.stdout.split("\n\n")[0].splitlines()] == [
        ["M", "configuration: meta"],
        ["M", "config/meta.json"],
    ]
    assert '+  "title": "Another title"' in answer.stdout.partition("diff configuration: meta\n")[2]
    assert "+mine: 2" in answer.stdout.partition("diff config/theme.json\n")[2]
    assert "2 modified, 1 unchanged" in answer.stderr


def test_any_version_is_restored_and_staging_is_promoted(person: Person, slug: str) -> None:
    deployed(person, "one", "two")
    restored = person.ok("restore", "1")
    assert restored.stdout.strip() == f"http://{slug}.localhost:{person.platform.edge_port}/"
    assert "one" in shown(person, slug)
    nothing = person.run("promote")
    assert (nothing.code, "nothing to promote" in nothing.stderr) == (2, True)
    person.write(index_html=PAGE.format("three"))
    staged = person.ok("deploy", "--env", "staging", "-m", "three")
    assert staged.stdout.strip() == f"http://staging-{slug}.localhost:{person.platform.edge_port}/"
    assert "one" in shown(person, slug)
    person.ok("promote")
    assert "three" in shown(person, slug)
    versions = person.ok("versions").stdout.splitlines()
    assert versions[1].split()[:3] == ["v3", "production,", "staging"]
    assert person.ok("open", "--env", "staging").stdout == staged.stdout
    assert person.ok("open", "2").stdout.strip() == f"http://v2-{slug}.localhost:{person.platform.edge_port}/"


def test_the_bundle_of_any_version_downloads_byte_for_byte(person: Person, slug: str) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("site/index.html", PAGE.format("mine"))
    # A new app gets the name of its zip.
    (person.folder / f"{slug}.zip").write_bytes(zipped.getvalue())
    person.ok("deploy", f"{slug}.zip", "--create", "-m", "Mine")
    assert person.ok("download", "1").stdout.strip() == f"{slug}-v1.zip"
    assert (person.folder / f"{slug}-v1.zip").read_bytes() == zipped.getvalue()
    again = person.run("download", "latest")
    assert (again.code, "--force" in again.stderr) == (2, True)
    person.ok("download", "production", "--force", "-o", f"{slug}-v1.zip")
    assert {file.name for file in person.folder.iterdir()} == {"easel.toml", f"{slug}.zip", f"{slug}-v1.zip"}


def test_a_deploy_that_fails_says_why_and_ends_with_5(person: Person, slug: str) -> None:
    deployed(person, "one")
    with zipfile.ZipFile(person.folder / "bad.zip", "w") as archive:
        archive.writestr("readme.txt", "no page")
        archive.writestr("other/x.txt", "x")
    failed = person.run("deploy", "bad.zip", "-m", "Bad")
    assert failed.code == 5
    assert failed.stderr.lower().count("deploy failed") == 1
    assert "index.html" in failed.stderr
    assert failed.stdout == ""
    assert "one" in shown(person, slug)
    assert person.run("deploy", "bad.zip", "-m", "Bad", "--json").document["status"] == "failed"
    assert person.run("logs", "-f").code == 5
    assert "Deploy failed" in person.ok("logs").stdout


def test_a_locked_environment_keeps_its_version_and_the_exit_code_shows_it(person: Person, slug: str) -> None:
    deployed(person, "one")
    person.ok("lock", "production", "-m", "launch day")
    person.write(index_html=PAGE.format("two"))
    locked = person.run("deploy", "-m", "two")
    assert (locked.code, "locked" in locked.stderr) == (7, True)
    assert "one" in shown(person, slug)
    assert "locked: launch day" in person.ok("status").stdout
    refused = person.run("restore", "2")
    assert (refused.code, "launch day" in refused.stderr) == (7, True)
    person.ok("unlock", "production")
    person.ok("restore", "2", "--lock", "again")
    assert "two" in shown(person, slug)
    assert person.run("restore", "1").code == 7


def test_keys_are_made_used_and_revoked(person: Person, slug: str) -> None:
    deployed(person, "one")
    reading = person.ok("keys", "create", "reader", "--scope", "read").stdout.strip()
    assert reading.startswith("sk_")
    assert reading not in person.ok("keys", "list").stdout
    person.ok("versions", "--key", reading)
    denied = person.run("deploy", "-m", "x", "--key", reading)
    assert (denied.code, "the request needs" in denied.stderr) == (3, True)
    made = person.ok("keys", "create", "one app", "--app", slug, "--json").document
    assert person.ok("deploy", "-m", "x", "--key", made["key"]).code == 0
    person.ok("keys", "revoke", made["key_id"])
    assert person.run("versions", "--key", made["key"]).code == 3
    assert person.run("keys", "revoke", "key_nothing").code == 4


def test_login_checks_the_key_and_stores_it_for_its_server(person: Person, tmp_path: Path) -> None:
    person.environment["EASEL_DATA_DIR"] = str(tmp_path / "none")
    assert person.run("apps", "list").code == 3
    wrong = person.run("login", "--server", person.platform.api_url, typed="sk_wrong\n")
    assert wrong.code == 3
    file = tmp_path / "config" / "easel" / "credentials.toml"
    assert not file.exists()
    key = person.platform.api_key
    signed_in = person.run("login", "--server", person.platform.api_url, typed=f"{key}\n")
    assert signed_in.code == 0
    assert key not in signed_in.stdout + signed_in.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    person.ok("apps", "list")
    person.ok("logout")
    assert person.run("apps", "list").code == 3
    assert key not in file.read_text()


def test_apps_are_created_listed_shown_and_deleted(person: Person, slug: str) -> None:
    person.ok("apps", "create", slug, "--title", "My [bold]shop[/bold]")
    assert "My [bold]shop[/bold]" in person.ok("apps", "show", slug).stdout
    assert slug in person.ok("apps", "list").stdout
    unasked = person.run("apps", "delete", slug)
    assert (unasked.code, "--yes" in unasked.stderr) == (2, True)
    person.ok("apps", "delete", slug, "--yes")
    assert person.run("apps", "show", slug).code == 4


def test_configuration_is_published_and_rolled_back(person: Person) -> None:
    deployed(person, "one")
    app_id = person.ok("apps", "show", "--json").document["app_id"]
    for title in ("Two", "Three"):
        with person.platform.client() as api:
            api.patch(f"/v1/apps/{app_id}", json={"meta": {"title": title}}).raise_for_status()
        person.ok("publish", "-m", title)
    assert "Three" in person.ok("apps", "show").stdout
    person.ok("rollback")
    assert "Two" in person.ok("apps", "show").stdout


def test_a_queued_deploy_can_be_cancelled_and_an_ended_deploy_cannot(person: Person) -> None:
    deployed(person, "one")
    ended = person.ok("deploys", "--json").document["deploys"][0]["deploy_id"]
    assert person.run("cancel", ended).code == 2
    assert person.run("cancel").code == 4
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for index in range(30_000):
            archive.writestr(f"f/{index}.txt", str(index))
        archive.writestr("index.html", PAGE.format("many"))
    with person.client as client:
        app = client.find_app(person.ok("open", "--json").document["slug"])
        assert app is not None
        address = client.upload_url(app.app_id, "many.zip")
        headers = {"Content-Type": "application/zip"}
        httpx.put(address.upload_url, content=many.getvalue(), headers=headers).raise_for_status()
        request = {"message": "many", "bundle_s3_key": address.bundle_s3_key}
        deploys = [client.deploy(app.app_id, request, idempotency_key=uuid.uuid4().hex).deploy_id for _ in range(3)]
        cancelled = person.ok("cancel")
        assert deploys[-1] in cancelled.stderr
        assert re.search(r"Status: +cancelled$", person.ok("status", deploys[-1]).stdout, re.M)
        assert re.search(rf"^{deploys[-1]} +cancelled ", person.ok("deploys").stdout, re.M)
        assert person.run("logs", "-f", deploys[-1]).code == 5
        person.ok("logs", "-f", deploys[0])


def test_a_deploy_continues_although_the_client_does_not_wait(person: Person) -> None:
    person.write(index_html=PAGE.format("one"))
    deploy_id = person.ok("deploy", "--create", "-m", "x", "--no-wait").stdout.strip()
    assert deploy_id.startswith("dep_")
    assert "Deploy complete" in person.ok("logs", "-f", deploy_id).stdout
    lines = person.ok("logs", deploy_id, "--json").document["lines"]
    assert [line["line"] for line in lines][-1].startswith("Deploy complete")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["status"], 2, "No app is given"),
        (["deploy", "-m", "x"], 2, "contains no built app"),
        (["deploy", "nowhere", "-m", "x"], 2, "no folder or zip"),
        (["status", "--app", "no-such-app"], 4, "no app `no-such-app`"),
        (["apps", "list", "--server", "127.0.0.1:9", "--key", "sk_x"], 6, "is unreachable"),
        (["apps", "list", "--server", "no server"], 2, "is not a server's address"),
        (["apps", "list", "--key", "hunter2"], 2, "not an API key"),
        (["restore", "three", "--app", "x"], 4, "no app"),
        (["deploy", "--env", "prod", "-m", "x"], 2, "`production` or `staging`"),
        (["diff", "1"], 2, "Missing argument"),
    ],
)
def test_every_failure_has_a_message_and_an_exit_code(
    person: Person, arguments: list[str], code: int, said: str
) -> None:
    ended = person.run(*arguments)
    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr


def test_a_deploy_without_a_message_is_refused_before_anything_is_made(person: Person, slug: str) -> None:
    person.write(index_html=PAGE.format("one"))
    ended = person.run("deploy", "--create")
    assert (ended.code, '-m "…"' in ended.stderr) == (2, True)
    assert person.run("apps", "show", slug).code == 4


def test_a_file_that_is_no_zip_is_refused_before_it_is_sent(person: Person, slug: str) -> None:
    person.ok("apps", "create", slug)
    (person.folder / "x.zip").write_text("hello")
    ended = person.run("deploy", "x.zip", "--app", slug, "-m", "x")
    assert (ended.code, "not a zip" in ended.stderr) == (2, True)
    assert person.ok("deploys", "--app", slug, "--json").document["total"] == 0


def test_the_limits_are_shown_with_how_much_of_each_is_used(person: Person) -> None:
    document = {limit["name"]: limit for limit in person.ok("limits", "--json").document["limits"]}
    assert document["apps"]["limit"] == 1000
    shown = person.ok("limits").stdout
    assert "waiting upload bytes" in shown
    assert "21.5 GB" in shown


def test_a_build_cache_is_cleared_with_one_command(person: Person, slug: str) -> None:
    deployed(person, "one")
    said = person.ok("build-cache", "clear").stderr
    assert said.strip().endswith(
        f"Cleared the build cache of {slug}. The next build of each environment runs without a cache."
    )
