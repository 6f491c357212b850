"""The page on builds: its tables match the code, its examples are parsed, and its log is a real log."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from easel.builds.detect.errors import BuildToolUnsupportedError
from easel.builds.detect.models import BuildOptions
from easel.builds.detect.plan import plan
from easel.builds.detect.servers import FIXES, fix_of
from easel.builds.detect.settings import SETTINGS, options_of
from easel.builds.detect.touched import Rule, touched
from easel.builds.frameworks import FRAMEWORKS
from easel.builds.tree import Tree
from tests.builds.detect.skeletons import package, write

PAGE = (Path(__file__).parents[2] / "docs" / "builds.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Returns the rows of the table under a heading, without backticks around a whole cell."""
    table = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in row] for row in cells]


def test_every_framework_is_in_the_table_with_its_output() -> None:
    built = {tool.name: tool for tool in FRAMEWORKS if tool.needs in ("node", "python")}
    assert [[f"`{name}`", built[name].title] for name in sorted(built)] == [row[:2] for row in rows("Frameworks")]
    for name, _, output in rows("Frameworks"):
        assert output.strip("`") == built[name.strip("`")].outputs[0].replace("*", "NAME")


def test_every_setting_is_in_the_table() -> None:
    assert [row[0].strip("`") for row in rows("Settings")] == list(SETTINGS)


def test_the_advice_names_the_lines_that_the_build_reports(tmp_path: Path) -> None:
    said = {row[0].strip("`"): row[1] for row in rows("Apps with a server")}
    assert said == {name: fix_of(Tree(tmp_path), name, "") for name in sorted(FIXES)}


def test_the_example_of_easel_toml_is_read() -> None:
    (example,) = re.findall(r"```toml easel.toml\n(.*?)```", PAGE, re.DOTALL)
    wanted = options_of(tomllib.loads(example)["build"])
    assert (wanted.root, wanted.output, wanted.ignore) == ("apps/web", "dist/site", ("docs/", "*.md"))


def test_the_log_in_the_document_is_the_log_of_such_a_project(tmp_path: Path) -> None:
    (log,) = re.findall(r"```text log\n(.*?)```", PAGE, re.DOTALL)
    files = {"package.json": package("tsc -b && vite build", "vite"), "index.html": "", ".nvmrc": "22\n"}
    write(tmp_path, files | {"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"})
    assert list(plan(tmp_path, BuildOptions()).reasons) == log.splitlines()


@pytest.mark.parametrize("title", [tool.title for tool in FRAMEWORKS if tool.needs not in ("node", "python")])
def test_every_tool_that_the_document_refuses_is_refused(title: str, tmp_path: Path) -> None:
    assert title in PAGE.partition("detects and refuses projects of")[2].partition("\n\n")[0]
    tool = next(tool for tool in FRAMEWORKS if tool.title == title)
    texts = {"Zola": "base_url = '/'", "Deno": '{"tasks": {"build": "x"}}', "Blazor": "Sdk.BlazorWebAssembly"}
    files = {tool.files[0].replace("*", "App"): texts.get(title, ""), "Gemfile": "gem 'jekyll'\ngem 'middleman'"}
    write(tmp_path, {**files, "web/x": "", "content/x": ""})
    with pytest.raises(BuildToolUnsupportedError):
        plan(tmp_path, BuildOptions())


def test_the_pattern_for_one_folder_leaves_only_that() -> None:
    (patterns,) = re.findall(r"`ignore = (\[[^`]*\])`\s+keeps", PAGE)
    rule = Rule(ignore=tuple(tomllib.loads(f"x = {patterns}")["x"]))
    assert [touched([path], "", rule) for path in ("apps/web/a/b.ts", "apps/api/a.ts", "x.ts")] == [True, False, False]
