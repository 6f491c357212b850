"""`easel check`: the result of a deploy, without a server."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from easel.bundles.packages import Package, PackageMissingError
from easel.cli.exit_codes import ExitCode
from easel.cli.main import program
from testbed.running import RunningApp

FILES = {
    "index.html": "<!doctype html><script type=module src=/assets/app-4f5e6d7c.js></script>",
    "about.html": "<!doctype html>about",
    "assets/app-4f5e6d7c.js": "1",
    ".DS_Store": "junk",
    "_redirects": "/old/* /new/:splat\n/fr/x /y 302 Language=fr\n/bad\n/about /elsewhere\n/* /index.html 200\n",
    "_headers": "/*\n  X-Frame-Options: DENY\n",
}

Check = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns a built app."""
    for name, content in FILES.items():
        file = tmp_path / "dist" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return tmp_path


@pytest.fixture
def check(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs `easel check …` in the project's folder, without a server."""
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(program, ["check", *arguments], env={"EASEL_SERVER": "http://127.0.0.1:1"})

    return run


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)["answers"]
    return found


def test_the_check_lists_immutable_files_and_the_effect_of_each_line(check: Check) -> None:
    said = check()
    assert said.exit_code == 0
    assert "Immutable, cached by browsers for a year (1):\n  assets/app-4f5e6d7c.js" in said.stdout
    assert "  _redirects, line 1: /old/* /new/:splat 301" in said.stdout
    assert "  _headers, line 1: /* X-Frame-Options: DENY" in said.stdout
    assert "`_redirects`, line 3 is refused: it has no target. (`/bad`)" in said.stderr
    assert (
        "`_redirects`, line 4: this line has no effect, because the file `about.html` is served instead." in said.stderr
    )
    assert "Left out by default: .DS_Store." in said.stderr


def test_a_folder_and_its_zip_give_the_same_result(check: Check, folder: Path) -> None:
    with zipfile.ZipFile(folder / "site.zip", "w") as archive:
        for name in FILES:
            archive.write(folder / "dist" / name, name)
    of_folder, of_zip = json.loads(check("--json").stdout), json.loads(check("site.zip", "--json").stdout)
    assert (of_folder.pop("left_out"), of_zip.pop("left_out")) == ([], [".DS_Store"])
    assert any(warning.startswith("Easel left out 1 file") for warning in of_zip["warnings"])
    of_zip["warnings"] = [text for text in of_zip["warnings"] if not text.startswith("Easel left out")]
    assert of_folder == of_zip


def test_an_address_gets_the_response_that_an_edge_would_send(check: Check) -> None:
    moved, page, script = answers(
        check("--json", *(f"--request={path}" for path in ("/old/é?x=1", "/deep/route", "/gone.js")))
    )
    assert (moved["status"], moved["location"], moved["rule"]["line"]) == (301, "/new/%C3%A9?x=1", 1)
    assert (page["status"], page["file"], page["rule"]["line"]) == (200, "index.html", 5)
    assert ["x-frame-options", "DENY"] in page["headers"]
    assert (script["status"], script["file"], script["rule"]) == (404, None, None)


def test_headers_host_and_method_of_a_request_count(check: Check) -> None:
    french, other = (
        answers(check("--json", "--request", "/fr/x", "--header", f"Accept-Language: {language}"))[0]
        for language in ("fr-CH,fr;q=0.9", "de")
    )
    assert (french["status"], french["location"], other["status"]) == (302, "/y", 200)
    posted = answers(check("--json", "--request", "https://shop.example.com/about?x", "--method", "post"))[0]
    assert (posted["method"], posted["status"]) == ("POST", 405)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--request", "old"], "--request cannot be `old`"),
        (["--request", "https://"], "--request cannot be"),
        (["--request", "/", "--header", "nothing"], "--header cannot be `nothing`"),
    ],
)
def test_a_malformed_request_is_reported(check: Check, arguments: list[str], said: str) -> None:
    ended = check(*arguments)
    assert (ended.exit_code, said in ended.stderr) == (ExitCode.USAGE, True)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("_redirects", "/private/* /404.html 404! Role=admin\n", "guard_refused"),
        ("_headers", b"#" * (32 * 1024 * 1024 + 1), "rules_file_too_large"),
        ("index.html", "<!doctype html><script type=module src=/gone.js></script>", "smoke_test_failed"),
    ],
)
def test_a_refused_check_ends_like_a_refused_deploy(
    check: Check, folder: Path, app: RunningApp, name: str, content: str | bytes, code: str
) -> None:
    (folder / "dist" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    ended = check("--json")
    said = json.loads(ended.stdout)["error"]
    assert (ended.exit_code, said["code"]) == (ExitCode.DEPLOY_FAILED, code)
    files = {file.relative_to(folder / "dist").as_posix(): file.read_bytes() for file in _files(folder / "dist")}
    deployed = app.deploy(files)
    assert (deployed["error_code"], deployed["error"]) == (code, said["message"])


def _files(folder: Path) -> list[Path]:
    return [Path(place) / name for place, _, names in os.walk(folder) for name in names]


def test_easel_toml_applies_and_may_allow_a_refused_guard_rule(check: Check, folder: Path) -> None:
    (folder / "dist" / "_headers").write_text("/*\n  Basic-Auth: a:b\n")
    assert check().exit_code == ExitCode.DEPLOY_FAILED
    (folder / "easel.toml").write_text('rules = "cloudflare"\nallow = ["guards"]\n')
    assert answers(check("--json", "--request", "/old/x"))[0]["status"] == 302


def test_a_missing_package_is_reported_by_name() -> None:
    with pytest.raises(PackageMissingError, match="Install it with `pip install nothing-of-this-name`"):
        Package("nothing-of-this-name").decompress(b"")


def test_a_path_that_the_system_refuses_is_named(check: Check) -> None:
    said = check("n" * 300)
    assert (said.exit_code, "File name too long" in said.stderr, "report" in said.stderr) == (2, True, False)


def test_the_check_shows_all_mistakes_besides_a_refused_guard(folder: Path, check: Check) -> None:
    (folder / "dist" / "_redirects").write_text("/a /b 2OO\n/admin/* /admin/:splat 200! Role=admin\n")
    said = check()
    assert said.exit_code == int(ExitCode.DEPLOY_FAILED)
    assert "`2OO` is not a valid status." in said.stderr
    assert "Easel does not support `Role`" in said.stderr
    assert "stopped" not in said.stderr


def test_the_check_names_the_checked_folder_first(check: Check) -> None:
    assert check().stderr.splitlines()[0] == "Checking `dist/`, because it has an index.html."


def test_a_zip_of_sources_would_be_built_by_a_deploy(folder: Path, check: Check) -> None:
    with zipfile.ZipFile(folder / "src.zip", "w") as target:
        target.writestr("package.json", '{"scripts": {"build": "vite build"}}')
        target.writestr("src/main.ts", "1")
    said = check("src.zip", "--json")
    assert (said.exit_code, json.loads(said.stdout)["needs_build"]) == (0, True)
    assert "A deploy would build them on the server." in check("src.zip").stdout


def test_a_malformed_address_is_refused_before_the_folder_is_read(check: Check) -> None:
    said = check("--request", "nope")
    assert "it must be a path" in said.stderr
    assert "Checking" not in said.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"redirects": [{"source": "/a"', "it ends too early"),
        ('{"redirects": [{"source": "/a", "destination": "/b"}, {"source": 1}]}', "`redirects, entry 2, source`"),
    ],
)
def test_a_broken_file_of_another_host_loses_all_its_rules_with_a_plain_reason(
    folder: Path, check: Check, content: str, reason: str
) -> None:
    (folder / "dist" / "_redirects").unlink()
    (folder / "dist" / "_headers").unlink()
    (folder / "dist" / "vercel.json").write_text(content)
    said = check()
    assert "A deploy would accept them, without the rules of vercel.json." in said.stdout
    assert reason in said.stderr
    assert "None of its rules is in force." in said.stderr
