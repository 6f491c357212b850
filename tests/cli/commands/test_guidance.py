"""Mistakes at the command line, and the advice on them; configuration from the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime

from easel.cli.answers import Deploy
from easel.cli.commands import deploys
from easel.cli.text import when
from easel.deploys.errors import DeployCancelledError, DeploySkippedError, DeploySupersededError
from easel.deploys.states import BUILDING, FAILED, QUEUED

from ..conftest import Person


def test_an_empty_name_does_not_mean_the_current_folder(person: Person, slug: str) -> None:
    person.place("index.html", "<!doctype html>private")
    refused = person.run("deploy", "", "--create", "--app", slug, "-m", "x")
    assert (refused.code, "variable in your command is not set" in refused.stderr) == (2, True)
    assert person.run("apps", "show", slug).code == 4


def test_source_is_not_taken_for_a_build(person: Person, slug: str) -> None:
    person.place("package.json", "{}")
    person.place(
        "index.html", '<!doctype html><div id="root"></div><script type="module" src="/src/main.jsx"></script>'
    )
    refused = person.run("deploy", ".", "--create", "--app", slug, "-m", "x")
    assert (refused.code, "/src/main.jsx" in refused.stderr, "--as-is" in refused.stderr) == (2, True, True)
    person.place("dist/index.html", "<!doctype html>built")
    refused = person.run("deploy", ".", "--create", "--app", slug, "-m", "x")
    assert "`easel deploy dist`" in refused.stderr
    assert person.run("apps", "show", slug).code == 4
    person.place("index.html", "<!doctype html>by hand")
    person.ok("deploy", ".", "--as-is", "--create", "--app", slug, "-m", "x")


def test_a_new_app_below_another_apps_folder_is_a_separate_project(person: Person, slug: str) -> None:
    person.write(index_html="<!doctype html>around")
    person.place("easel.toml", f'app = "{slug}"\nfolder = "dist"\nserver = "{person.platform.api_url}"\n')
    person.ok("deploy", "--create", "-m", "around")
    person.place(f"inner/{slug}-2/index.html", "<!doctype html>inner")
    person.place("inner/empty/notes.txt", "nothing built")
    around, key = person.folder, {"EASEL_API_KEY": person.platform.api_key}
    person.environment |= key

    person.folder = around / "inner" / f"{slug}-2"
    told = person.ok("deploy", "--create", "-m", "inner").stderr
    assert f"{around / 'easel.toml'} belongs to the app {slug} and is not used or changed" in told
    assert "inner" in person.platform.visit(f"{slug}-2").text
    assert "around" in person.platform.visit(slug).text
    person.ok("deploy", "-m", "again")
    assert f'server = "{person.platform.api_url}"' in (person.folder / "easel.toml").read_text()
    assert person.ok("versions", "--json").document["total"] == 2

    person.folder = around / "inner" / "empty"
    refused = person.run("deploy", "--create", "--app", f"{slug}-3", "-m", "nothing")
    assert (refused.code, "contains no built app" in refused.stderr) == (2, True)
    assert person.run("apps", "show", f"{slug}-3").code == 4
    person.ok("deploy", "-m", "what easel.toml names")
    app_id = person.ok("apps", "show", slug, "--json").document["app_id"]
    person.ok("deploy", "--app", app_id, "-m", "the same, by its id")

    person.folder = around / "dist"
    person.ok("deploy", "--create", "-m", "what easel.toml names, from inside")
    assert person.ok("versions", "--json").document["total"] == 4


def test_an_unsendable_folder_is_refused_before_an_app_is_created(person: Person, slug: str) -> None:
    person.place("index.html", "<!doctype html>one")
    (person.folder / "away").symlink_to("/etc")
    refused = person.run("deploy", ".", "--create", "--app", slug, "-m", "x")
    assert (refused.code, "away" in refused.stderr) == (2, True)
    assert person.run("apps", "show", slug).code == 4
    assert not (person.folder / "easel.toml").exists()


def test_a_name_that_nobody_gave_never_leads_to_an_existing_app(person: Person, slug: str) -> None:
    person.place("index.html", "<!doctype html>one")
    person.ok("apps", "create", slug)
    person.folder = person.folder / slug
    person.place("index.html", "<!doctype html>two")
    refused = person.run("deploy", ".", "--create", "-m", "x")
    assert refused.code == 7
    assert f"There is already an app `{slug}`" in refused.stderr
    assert f"`easel deploy --app {slug}`" in refused.stderr
    assert not (person.folder / "easel.toml").exists()
    person.ok("deploy", ".", "--create", "--app", slug, "-m", "x")
    person.ok("deploy", ".", "--create", "-m", "what easel.toml names now")


def test_the_advice_names_the_app_if_no_file_names_it(person: Person, slug: str) -> None:
    person.ok("apps", "create", slug)
    broken = person.folder / "broken.zip"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("no-page.txt", "x")
    failed = person.run("deploy", "broken.zip", "--app", slug, "-m", "x")
    assert failed.code == 5
    advised = next(line for line in failed.stderr.splitlines() if "easel logs" in line)
    command = advised.split("`easel ")[1].split("`")[0]
    assert "no index.html" in person.ok(*command.split()).stdout
    missing = person.run("restore", "99", "--app", slug)
    assert (missing.code, f"`easel versions --app {slug}` lists the existing versions" in missing.stderr) == (4, True)


def test_the_configuration_is_changed_published_and_rolled_back(person: Person, slug: str) -> None:
    person.place("index.html", "<!doctype html><title>one</title>")
    person.ok("deploy", ".", "--create", "--app", slug, "-m", "first")
    assert person.run("apps", "update").code == 2
    assert person.run("apps", "update", "--var", "COLOUR").code == 2
    draft = person.ok("apps", "update", "--title", "A shop", "--var", "COLOUR=blue=green", "--var", "SIZE=1")
    assert "publish" in draft.stderr
    assert "blue" not in person.platform.visit(slug).text
    person.ok("publish", "-m", "Blue")
    assert '"COLOUR":"blue=green"' in person.platform.visit(slug).text
    person.ok("apps", "update", "--unset-var", "COLOUR", "--publish")
    assert "COLOUR" not in person.platform.visit(slug).text
    person.ok("rollback")
    assert "COLOUR" in person.platform.visit(slug).text
    person.ok("rollback")
    assert "COLOUR" not in person.platform.visit(slug).text
    person.ok("apps", "update", "--off-air")
    assert person.platform.visit(slug).status_code == 404


def test_a_download_can_be_written_to_a_pipe_or_an_existing_folder(person: Person, slug: str) -> None:
    person.place("index.html", "<!doctype html>one")
    person.ok("deploy", ".", "--create", "--app", slug, "-m", "first")
    person.ok("download", "1", "-o", "one.zip")
    piped = subprocess.run(
        [sys.executable, "-m", "easel.cli.main", "download", "1", "--app", slug, "-o", "-"],
        cwd=person.folder,
        env={**os.environ, **person.environment},
        capture_output=True,
        check=True,
    )
    assert piped.stdout == (person.folder / "one.zip").read_bytes()
    assert person.run("download", "1", "-o", "nowhere/x.zip").code == 2


def test_nothing_is_left_of_an_app_that_was_made_for_a_zip_that_is_refused(person: Person, slug: str) -> None:
    with zipfile.ZipFile(person.folder / "site.zip", "w") as archive:
        archive.writestr("index.html", "<!doctype html>")
        archive.writestr(".env", "KEY=1")
    refused = person.run("deploy", "site.zip", "--create", "-m", "x")
    assert (refused.code, f"the new app {slug} and easel.toml were removed" in refused.stderr) == (5, True)
    assert not (person.folder / "easel.toml").exists()
    assert person.run("apps", "show", slug).code == 4
    person.write(index_html="<!doctype html>")
    person.ok("deploy", "--create", "-m", "x")
    refused = person.run("deploy", "site.zip", "-m", "x")
    assert (refused.code, "removed" in refused.stderr, (person.folder / "easel.toml").exists()) == (5, False, True)


def test_a_project_that_cannot_be_written_to_is_deployed(person: Person, slug: str) -> None:
    person.write(index_html="<!doctype html>")
    # A link that leads nowhere is no file, and no file can be created in its place.
    (person.folder / "easel.toml").symlink_to("/proc/nowhere/easel.toml")
    told = person.ok("deploy", "--create", "-m", "x")
    assert ("cannot be written" in told.stderr, "is live" in told.stderr) == (True, True)


def test_a_deploy_that_outlives_its_command_keeps_app_and_easel_toml(person: Person, slug: str) -> None:
    person.write(index_html="<!doctype html>")
    deploy_id = person.ok("deploy", "--create", "--no-wait", "-m", "x").stdout.strip()
    person.ok("logs", "-f", deploy_id)


def test_easel_toml_is_not_written_into_a_build_that_is_the_current_folder(person: Person, slug: str) -> None:
    person.write(index_html="<!doctype html>")
    person.place("package.json", "{}")
    project, person.folder = person.folder, person.folder / "dist"
    person.ok("deploy", "--create", "-m", "x")
    assert 'folder = "dist"' in (project / "easel.toml").read_text()
    assert not (project / "dist" / "easel.toml").exists()
    person.ok("deploy", "-m", "from inside the build")


def test_long_git_data_never_stops_a_deploy(person: Person, slug: str) -> None:
    person.write(index_html="<!doctype html>")
    long = "Update\n\n" + "release notes\n" * 2000
    git = ["git", "-c", f"user.name={'Ada ' * 400}", "-c", "user.email=ada@example.com", "-C", str(person.folder)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-F", "-"], input=long, text=True, check=True)
    shown = person.ok("deploy", "--create", "-m", "x" * 5000).stderr
    assert "shortened to 4,000 characters" in shown
    version = person.ok("versions", "--json").document["versions"][0]
    assert (len(version["message"]), version["message"][-1]) == (4000, "…")


def test_an_older_commit_is_reported_or_refused(person: Person, slug: str) -> None:
    def git(*arguments: str) -> str:
        named = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        command = ["git", "-C", str(person.folder), *named, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    person.write(index_html="<!doctype html>")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "A")
    git("commit", "-q", "--allow-empty", "-m", "B")
    assert "is older" not in person.ok("deploy", "--create", "-m", "B", "--not-older").stderr
    git("checkout", "-q", "HEAD~1")
    refused = person.run("deploy", "-m", "A", "--not-older")
    assert (refused.code, "is older than" in refused.stderr) == (7, True)
    assert person.ok("versions", "--json").document["total"] == 1
    assert "is older" not in person.ok("deploy", "--env", "staging", "-m", "A", "--not-older").stderr
    assert "is older than" in person.ok("deploy", "-m", "A").stderr
    git("checkout", "-q", "--orphan", "other")
    git("commit", "-q", "--allow-empty", "-m", "of another history")
    assert "is older" not in person.ok("deploy", "-m", "C", "--not-older").stderr
    shutil.rmtree(person.folder / ".git")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "D, of a clone without the history")
    refused = person.run("deploy", "-m", "D", "--not-older")
    assert (refused.code, "fetch-depth: 0" in refused.stderr) == (7, True)


def test_apps_are_named_by_argument_option_or_environment(person: Person, slug: str) -> None:
    person.ok("apps", "create", slug)
    assert slug in person.ok("apps", "show", "--app", slug).stdout
    person.ok("apps", "update", "--app", slug, "--title", "Shop")
    person.place("easel.toml", f'app = "{slug}"')
    refused = person.run("apps", "delete", "--yes")
    assert (refused.code, "No app to delete is given" in refused.stderr) == (2, True)
    assert person.run("apps", "delete", slug, "--app", "other", "--yes").code == 2
    person.environment["EASEL_APP"] = "other"
    assert slug in person.ok("apps", "show", slug).stdout
    person.environment["EASEL_APP"] = slug
    person.ok("apps", "delete", "--yes")
    assert person.run("apps", "show", slug).code == 4


def test_a_misspelled_command_gets_a_suggestion(person: Person) -> None:
    meant = {"deplyo": "deploy", "app": "apps", "ls": "apps list", "rollbak": "rollback", "LOGS": "logs"}
    for typed, command in meant.items():
        refused = subprocess.run([sys.executable, "-m", "easel.cli.main", typed], capture_output=True, check=False)
        assert (refused.returncode, f"`easel {command}`" in refused.stderr.decode()) == (2, True), refused.stderr
    assert "Did you mean" not in person.run("xyzzy").stderr


def test_a_time_is_shown_with_its_zone() -> None:
    moment = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    assert when(moment.isoformat()) == f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    assert when(moment).rpartition(" ")[2]


def test_a_cancelled_deploy_is_shown_as_cancelled_and_a_queued_deploy_with_its_reason() -> None:
    cancelled = Deploy(deploy_id="d", status=FAILED, error_code=DeployCancelledError.code)
    assert deploys._status(cancelled) == "cancelled"
    for error in (DeploySkippedError, DeploySupersededError):
        called = deploys._status(Deploy(deploy_id="d", status=FAILED, error_code=error.code))
        assert called == error.code.removeprefix("deploy_")
    queued = Deploy(deploy_id="d", status=QUEUED)
    assert deploys._status(queued, "app") == "queued: another deploy of this app must end first"
    assert deploys._status(queued) == "queued"
    steps = {step: deploys._status(Deploy(deploy_id="d", status=BUILDING, step=step)) for step in ("build", "install")}
    assert steps == {"build": "building", "install": "building: install"}
    timings = {"pin": 3, "total": 71_500, "queued": 1200, "ingest": 60_000, "activate": 7, "smoke_test": 5}
    assert deploys._timings(timings) == (
        "1 min 11 s (queued 1.2 s, pin 3 ms, ingest 1 min 0 s, smoke test 5 ms, activate 7 ms)"
    )
