"""Each build tool's own template is recognised, built with the right command, and its right folder is taken."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from easel.builds import tree
from easel.builds.detect.errors import BuildPlanError, BuildToolUnsupportedError, NotStaticError, OutputWithoutPageError
from easel.builds.detect.models import BuildOptions, Command
from easel.builds.detect.plan import plan
from easel.builds.frameworks import FRAMEWORKS, named
from easel.builds.output import judge
from tests.builds.detect.skeletons import NOT_STATIC, STATIC, package, write


def said(command: Command | None) -> str | None:
    """Returns the command as a user types it."""
    return command if command is None or isinstance(command, str) else shlex.join(command)


@pytest.mark.parametrize("name", STATIC)
def test_a_template_is_recognised_and_its_output_taken(name: str, tmp_path: Path) -> None:
    files, framework, build, output = STATIC[name]
    made = plan(write(tmp_path, files), BuildOptions())
    assert (made.framework, said(made.build), made.outputs[0]) == (framework, build, output)
    tool = named(framework)
    assert tool is not None
    assert any(reason.startswith(f"Framework: {tool.title}, because ") for reason in made.reasons)
    (tmp_path / output).mkdir(parents=True, exist_ok=True)
    (tmp_path / output / "index.html").write_text("<!doctype html>built")
    assert judge(tmp_path, made) == tmp_path / output


@pytest.mark.parametrize("name", NOT_STATIC)
def test_an_app_that_needs_a_server_is_refused_with_the_lines_to_change(name: str, tmp_path: Path) -> None:
    files, words = NOT_STATIC[name]
    reasons: list[str] = []
    with pytest.raises(NotStaticError) as refusal:
        plan(write(tmp_path, files), BuildOptions(), reasons=reasons)
    for word in words:
        assert word in refusal.value.message
    # The log shows the guesses that led to the refusal.
    assert any(reason.startswith("Framework: ") for reason in reasons)


@pytest.mark.parametrize(
    "config", ["import base from './base.mjs'; export default base", "output: isCI ? 'export' : undefined"]
)
def test_a_configuration_that_cannot_be_read_whole_is_not_refused(config: str, tmp_path: Path) -> None:
    files = {"package.json": package("next build", "next"), "next.config.mjs": config}
    assert plan(write(tmp_path, files), BuildOptions()).framework == "next"


@pytest.mark.parametrize(
    ("files", "written", "fix"),
    [
        (STATIC["nuxt"][0], ".output/public/_nuxt/a.js", "nuxt generate"),
        (STATIC["nuxt"][0], ".output/public/google5a1b.html", "nuxt generate"),
        (STATIC["sveltekit"][0], "build/client/a.js", "adapter-static"),
        (STATIC["qwik"][0], "dist/build/a.js", "qwik add static"),
        (STATIC["tanstack start"][0], "dist/client/assets/a.js", "`spa: { enabled: true }`"),
        (STATIC["astro"][0], "dist/client/a.js", "remove `output: 'server'`"),
        (STATIC["angular"][0], "dist/shop/browser/index.csr.html", '"outputMode": "static"'),
        (STATIC["solid start"][0], ".output/public/a.js", "preset: 'static'"),
        (STATIC["vite"][0], "dist/lib.js", "Set the folder that the build writes"),
    ],
)
def test_a_build_without_a_page_ends_with_advice(files: dict[str, str], written: str, fix: str, tmp_path: Path) -> None:
    made = plan(write(tmp_path, files), BuildOptions())
    write(tmp_path, {written: "x"})
    with pytest.raises(OutputWithoutPageError) as refusal:
        judge(tmp_path, made)
    assert fix in refusal.value.message


@pytest.mark.parametrize(
    ("files", "title"),
    [
        ({"_config.yml": "", "Gemfile": 'gem "jekyll"', "index.md": ""}, "Jekyll"),
        ({"_config.yml": "remote_theme: a/b", "index.md": ""}, "Jekyll"),
        ({"_config.yml": "title: x", "_layouts/default.html": "", "index.html": ""}, "Jekyll"),
        ({"config.rb": "", "Gemfile": "gem 'middleman'", "source/index.html": ""}, "Middleman"),
        ({"config.toml": "base_url = 'x'", "content/_index.md": "", "templates/index.html": "{{ x }}"}, "Zola"),
        ({"App.csproj": '<Project Sdk="Microsoft.NET.Sdk.BlazorWebAssembly"/>', "wwwroot/index.html": ""}, "Blazor"),
        ({"deno.json": '{"tasks": {"build": "vite build"}}', "vite.config.ts": "", "index.html": ""}, "Deno"),
        ({"book.toml": "", "src/SUMMARY.md": ""}, "mdBook"),
        ({"_quarto.yml": "", "index.qmd": ""}, "Quarto"),
        ({"pubspec.yaml": "name: x", "web/x": ""}, "Flutter"),
        ({"Trunk.toml": "", "index.html": ""}, "Trunk"),
    ],
)
def test_a_tool_that_is_not_there_is_named(files: dict[str, str], title: str, tmp_path: Path) -> None:
    with pytest.raises(BuildToolUnsupportedError, match=f"Easel cannot build {title} projects: they need"):
        plan(write(tmp_path, files), BuildOptions())


@pytest.mark.parametrize(
    "files",
    [
        {"deno.json": '{"tasks": {"dev": "deno run -A jsr:@std/http/file-server"}}'},
        {"config.toml": "title = 'x'"},
        {"App.csproj": "Microsoft.NET.Sdk.Web"},
        {"config.rb": "compass"},
    ],
)
def test_a_file_that_several_programs_use_identifies_no_tool(files: dict[str, str], tmp_path: Path) -> None:
    made = plan(write(tmp_path, {**files, "index.html": "home"}), BuildOptions())
    assert (made.framework, made.build, made.outputs) == (None, None, ("",))


def test_plain_pages_are_served_as_they_are(tmp_path: Path) -> None:
    made = plan(write(tmp_path, {"index.html": "home", "style.css": ""}), BuildOptions())
    assert (made.install, made.build, made.outputs, made.runtime) == (None, None, ("",), "none")
    assert judge(tmp_path, made) == tmp_path


def test_pages_next_to_a_package_json_for_formatting_only_are_served_unchanged(tmp_path: Path) -> None:
    files = {"index.html": "home", "package.json": package(None, "prettier", scripts={"format": "prettier ."})}
    assert plan(write(tmp_path, files), BuildOptions()).build is None


def test_a_folder_of_pages_that_is_set_as_the_output_is_served_as_it_is(tmp_path: Path) -> None:
    files = {"public/index.html": "home", "package.json": package(None, scripts={"start": "serve public"})}
    made = plan(write(tmp_path, files), BuildOptions(output="public"))
    assert (made.install, made.build, made.outputs) == (None, None, ("public",))
    with pytest.raises(BuildPlanError, match="set only `output`"):
        plan(tmp_path, BuildOptions())


def test_an_unknown_tool_with_a_build_script_may_write_any_usual_folder(tmp_path: Path) -> None:
    made = plan(write(tmp_path, {"package.json": package("node make.js"), "make.js": ""}), BuildOptions())
    assert (made.framework, said(made.build)) == (None, "npm run build")
    write(tmp_path, {"public/index.html": "x"})
    assert judge(tmp_path, made) == tmp_path / "public"


def test_a_page_is_found_among_very_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(write(tmp_path, STATIC["vite"][0]), BuildOptions())
    monkeypatch.setattr(tree, "_MOST_NAMES", 1)
    write(tmp_path, {f"dist/{number}": "" for number in range(10)})
    write(tmp_path, {"dist/index.html": "x"})
    assert judge(tmp_path, made) == tmp_path / "dist"


def test_the_folder_that_easel_toml_deploys_is_a_likely_output(tmp_path: Path) -> None:
    files = {**STATIC["vite"][0], "easel.toml": 'app = "shop"\nfolder = "./web/"\n'}
    made = plan(write(tmp_path, files), BuildOptions())
    assert made.outputs[:2] == ("web", "dist")


def test_the_template_in_public_is_no_output(tmp_path: Path) -> None:
    made = plan(write(tmp_path, {"package.json": package("node make.js")}), BuildOptions())
    write(tmp_path, {"public/index.html": '<link href="%PUBLIC_URL%/x">'})
    with pytest.raises(BuildPlanError):
        judge(tmp_path, made)


def test_a_package_json_without_a_build_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(BuildPlanError, match="no script `build`"):
        plan(write(tmp_path, {"package.json": package(None, "express")}), BuildOptions())


def test_pages_of_the_sources_do_not_pass_for_the_builds(tmp_path: Path) -> None:
    files = {**STATIC["vite"][0], "dist/index.html": "committed"}
    made = plan(write(tmp_path, files), BuildOptions())
    with pytest.raises(BuildPlanError, match=r"write its output\. The pages in `dist` come from the uploaded sources"):
        judge(tmp_path, made)
    (tmp_path / "dist/index.html").write_text("built")
    assert judge(tmp_path, made) == tmp_path / "dist"


def test_nuxts_absolute_link_is_followed_as_the_sandbox_sees_it(tmp_path: Path) -> None:
    made = plan(write(tmp_path, STATIC["nuxt"][0]), BuildOptions(output="dist"))
    write(tmp_path, {".output/public/index.html": "x"})
    os.symlink("/build/.output/public", tmp_path / "dist")
    heard: list[str] = []
    assert judge(tmp_path, made, heard.append) == tmp_path / ".output/public"
    assert heard == ["Output: `dist` (a link to `.output/public`)."]


def test_every_framework_of_the_table_can_be_asked_for(tmp_path: Path) -> None:
    names = [tool.name for tool in FRAMEWORKS]
    assert len(set(names)) == len(names)
    write(tmp_path, {"package.json": package("x"), "index.html": ""})

    def outcome(name: str) -> str | None:
        try:
            return plan(tmp_path, BuildOptions(framework=name)).framework
        except BuildPlanError as refusal:
            return refusal.code

    # None of these frameworks has a configuration in this folder.
    refusals = ("build_not_static", "build_tool_unsupported", "nothing_to_build")
    assert all(outcome(name) in (name, *refusals) for name in names)
