"""Sites of Python's tools: their packages come from the project's own files, else from the tool's configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from easel.builds.detect.models import BuildOptions, Plan
from easel.builds.detect.plan import plan
from tests.builds.detect.skeletons import Files, package, write

MKDOCS = {"mkdocs.yml": "site_name: Docs\n", "docs/index.md": ""}


def planned(folder: Path, files: Files) -> Plan:
    """Returns the plan of these files."""
    return plan(write(folder, files), BuildOptions())


@pytest.mark.parametrize(
    ("files", "install"),
    [
        ({}, "pip install --quiet 'mkdocs<2'"),
        ({"requirements.txt": "mkdocs-material==9.7\n"}, "pip install --quiet -r requirements.txt"),
        ({"docs/requirements.txt": "MkDocs\n"}, "pip install --quiet -r docs/requirements.txt"),
        (
            {"requirements.txt": "requests\n"},
            "pip install --quiet -r requirements.txt && pip install --quiet 'mkdocs<2'",
        ),
        (
            {"pyproject.toml": "[project]\nname='x'\n", "uv.lock": 'name = "mkdocs"\n'},
            "pip install --quiet uv && uv sync --active --frozen --inexact --all-groups",
        ),
        ({"pyproject.toml": "", "poetry.lock": 'name = "mkdocs"'}, "pip install --quiet poetry && poetry install"),
        ({"Pipfile": "", "Pipfile.lock": '{"mkdocs": 1}'}, "pip install --quiet pipenv && pipenv sync --dev"),
        (
            {"pyproject.toml": "[dependency-groups]\ndocs = ['mkdocs']\n"},
            "pip install --quiet 'pip>=25.1' && pip install --quiet --group docs",
        ),
        (
            {
                "pyproject.toml": "[project]\nname='x'\n[project.optional-dependencies]\ndocs = ['mkdocs']\n"
                "[build-system]\nrequires = ['hatchling']\n"
            },
            "pip install --quiet '.[docs]'",
        ),
        (
            {"pyproject.toml": "[project]\nname='x'\n[project.optional-dependencies]\ndocs = ['mkdocs']\n"},
            "pip install --quiet uv && uv pip install --quiet -r pyproject.toml --extra docs",
        ),
        (
            {"pyproject.toml": "[project]\nname='x'\ndependencies = ['mkdocs']\n", "a/x.py": "", "b/x.py": ""},
            "pip install --quiet uv && uv pip install --quiet -r pyproject.toml",
        ),
        (
            {"pyproject.toml": "[project]\nname='x'\n", "setup.py": ""},
            "pip install --quiet . && pip install --quiet 'mkdocs<2'",
        ),
        ({"pyproject.toml": "[project]\nname='x'\n"}, "pip install --quiet 'mkdocs<2'"),
        (
            {"pyproject.toml": "[tool.poetry.group.a.dependencies]\nmkdocs='*'"},
            "pip install --quiet poetry && poetry install --no-interaction --no-root --all-groups",
        ),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '*'\n"}, "pip install --quiet 'mkdocs<2'"),
        (
            {"pyproject.toml": "[dependency-groups]\ndocs = ['furo']\ndev = ['mkdocs']\n"},
            "pip install --quiet 'pip>=25.1' && pip install --quiet --group docs && pip install --quiet 'mkdocs<2'",
        ),
    ],
)
def test_the_packages_of_the_project_are_installed(files: Files, install: str, tmp_path: Path) -> None:
    made = planned(tmp_path, MKDOCS | dict(files))
    assert isinstance(made.install, str)
    assert made.install.startswith(install)
    assert (made.runtime, made.build) == ("python", ("mkdocs", "build"))


def test_a_group_that_includes_another_group_needs_no_further_tool(tmp_path: Path) -> None:
    text = "[dependency-groups]\ndocs = [{include-group = 'site'}]\nsite = ['mkdocs']\n"
    made = planned(tmp_path, MKDOCS | {"pyproject.toml": text})
    assert made.install == "pip install --quiet 'pip>=25.1' && pip install --quiet --group docs"


def test_requirements_without_the_tool_still_get_its_theme(tmp_path: Path) -> None:
    files = {"mkdocs.yml": "theme: material\n", "requirements.txt": "requests\n"}
    made = planned(tmp_path, MKDOCS | files)
    assert made.install == "pip install --quiet -r requirements.txt && pip install --quiet 'mkdocs<2' mkdocs-material"


def test_the_packages_of_known_themes_and_plugins_are_found_and_others_named(tmp_path: Path) -> None:
    config = "theme:\n  name: material\nplugins:\n  - search\n  - material/blog\n  - minify:\n      minify_html: true\n"
    config += "  - ours\nmarkdown_extensions:\n  - pymdownx.emoji:\n      x: !!python/name:material.x\n"
    made = planned(tmp_path, MKDOCS | {"mkdocs.yml": config})
    assert made.install == "pip install --quiet 'mkdocs<2' mkdocs-material mkdocs-minify-plugin pymdown-extensions"
    warning = "Warning: Easel does not know which package provides `ours`. List that package in requirements.txt."
    assert warning in made.reasons


def test_the_theme_and_extensions_of_sphinx_are_found(tmp_path: Path) -> None:
    config = "extensions = ['sphinx.ext.autodoc', \"myst_parser\"]\nhtml_theme = 'furo'\n"
    made = planned(tmp_path, {"docs/source/conf.py": config, "docs/source/index.md": ""})
    assert made.install == "pip install --quiet sphinx furo myst-parser"
    assert made.build == ("sphinx-build", "-b", "html", "docs/source", "docs/build/html")


def test_a_conf_py_of_another_program_is_not_sphinx(tmp_path: Path) -> None:
    made = planned(tmp_path, {"conf.py": "DEBUG = True", "index.html": "x"})
    assert (made.framework, made.build) == (None, None)


def test_a_hugo_project_with_npm_packages_gets_both_installed(tmp_path: Path) -> None:
    files = {"hugo.toml": "", "package.json": package(None, "postcss-cli"), "package-lock.json": "{}"}
    made = planned(tmp_path, files)
    assert made.install == "npm ci --include=dev --no-audit --no-fund && pip install --quiet hugo"
    assert (made.runtime, made.build, made.package_manager and made.package_manager.name) == (
        "python",
        ("hugo",),
        "npm",
    )


def test_a_script_that_runs_hugo_is_run(tmp_path: Path) -> None:
    files = {"hugo.toml": "", "package.json": package("hugo --minify && pagefind --site public", "pagefind")}
    assert planned(tmp_path, files).build == ("npm", "run", "build")


def test_a_name_from_a_configuration_is_never_a_part_of_a_command(tmp_path: Path) -> None:
    config = json.dumps({"theme": "x; rm -rf /", "plugins": ["$(evil)", {"--index-url=http://x": {}}]})
    made = planned(tmp_path, MKDOCS | {"mkdocs.yml": config})
    assert made.install == "pip install --quiet 'mkdocs<2'"
