"""`easel deploy --build` and `--git`: a project or the id of a commit is sent, and Easel builds it."""

from __future__ import annotations

import zipfile

import pytest

from ..conftest import Person

PAGE = "<!doctype html><title>built by Easel</title>"


def project(person: Person) -> None:
    """Writes a project that builds without a registry, and that a bundler would serve from its index.html."""
    for name, text in {
        "package.json": '{"name": "shop", "scripts": {"build": "mkdir site && cp src/page.html site/index.html"}}',
        "index.html": "<!doctype html><script type=module src=/src/main.tsx></script>",
        "src/main.tsx": "export {}",
        "src/page.html": PAGE,
        "easel.toml": '[build]\ninstall = ""\noutput = "wrong"\n',
    }.items():
        (person.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (person.folder / name).write_text(text)


def test_a_project_is_sent_built_and_deployed_and_its_build_is_shown(person: Person) -> None:
    project(person)
    ended = person.ok("deploy", "--build", "--create", "--output", "site", "-m", "first")
    assert "cp src/page.html site/index.html" in ended.stderr
    slug = ended.stdout.strip().removeprefix("http://").split(".")[0]
    assert "built by Easel" in person.platform.visit(slug).text
    status = person.ok("status", "--app", slug)
    assert "Build:       sandboxed" in status.stdout
    deploy = person.ok("status", "--app", slug, "--json").document["deploy"]
    assert deploy["build"]["sandbox"] == "sandboxed"
    assert {"unpack", "build", "pack"} <= deploy["timings"].keys()
    diff = person.ok("versions", "--app", slug)
    assert "v1" in diff.stdout
    failed = person.run("deploy", "--build", "--app", slug, "--build-command", "exit 3", "-m", "second")
    assert failed.code == 5
    assert "ended with exit code 3" in failed.stderr
    assert "built by Easel" in person.platform.visit(slug).text


def test_the_command_that_a_new_app_is_said_to_need_is_enough(person: Person, slug: str) -> None:
    project(person)
    (person.folder / "easel.toml").unlink()
    with zipfile.ZipFile(person.folder / "shop.zip", "w") as archive:
        archive.writestr("index.html", PAGE)
    first = person.ok("deploy", "shop.zip", "--create", "--app", slug, "-m", "first")
    assert "you can deploy with `easel deploy shop.zip -m …`" in first.stderr
    person.ok("deploy", "shop.zip", "-m", "again")
    (person.folder / "easel.toml").unlink()
    options = ["--root", ".", "--install", "", "--build-command", "echo; exit 3", "--output", "site"]
    second = person.ok("deploy", "--build", "--create", "--app", slug, *options, "--no-wait", "-m", "built")
    assert "you can deploy with `easel deploy --build -m …`" in second.stderr
    person.ok("cancel", second.stdout.strip())
    third = person.run("deploy", "--build", "-m", "built again")
    assert "`echo; exit 3`" in third.stderr
    (person.folder / "easel.toml").write_text("[build]\n")
    assert (
        f'Put `app = "{slug}"` at the top'
        in person.ok("deploy", "shop.zip", "--create", "--app", slug, "-m", "x").stderr
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--git", "--build"], "leave out --build"),
        (["--git", "dist"], "leave out --build and the folder"),
        (["--commit", "abc"], "--commit and --branch need --git"),
        (["--node", "22"], "need --build or --git"),
    ],
)
def test_options_that_contradict_each_other_are_refused(person: Person, options: list[str], said: str) -> None:
    ended = person.run("deploy", *options, "-m", "x", "--app", "shop")
    assert ended.code == 2
    assert said in ended.stderr


def test_a_commit_needs_a_connected_repository(person: Person) -> None:
    person.write(index_html=PAGE)
    slug = person.ok("deploy", "--create", "-m", "first").stdout.strip().removeprefix("http://").split(".")[0]
    ended = person.run("deploy", "--git", "--app", slug)
    assert "no connected repository" in ended.stderr
    assert ended.code != 0
