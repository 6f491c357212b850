"""Sites made by Python packages: MkDocs, Zensical, Sphinx, Pelican, and Hugo, which has a Python package too."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from easel.builds.detect.errors import NothingToBuildError
from easel.builds.detect.files import read_roughly, read_toml, read_yaml
from easel.builds.detect.outputs import sphinx_output
from easel.builds.detect.project import Project
from easel.builds.tree import Tree, joined
from easel.bundles.names import printable

_REQUIREMENTS: Final = (
    "requirements.txt",
    "docs/requirements.txt",
    "requirements-docs.txt",
    "docs-requirements.txt",
    "requirements/docs.txt",
    "doc/requirements.txt",
)
_POETRY: Final = "pip install --quiet poetry && poetry install --no-interaction --no-root --all-groups"
_GROUPS: Final = ("docs", "doc", "documentation")
_PACKAGES: Final = {
    "mkdocs": ("mkdocs<2",),
    "zensical": ("zensical",),
    "sphinx": ("sphinx",),
    "pelican": ("pelican[markdown]",),
    "hugo": ("hugo",),
}
_THEMES: Final = {
    "material": "mkdocs-material",
    "bootstrap": "mkdocs-bootstrap",
    "cinder": "mkdocs-cinder",
    "windmill": "mkdocs-windmill",
    "dracula": "mkdocs-dracula-theme",
    "terminal": "mkdocs-terminal",
    "shadcn": "mkdocs-shadcn",
}
_WITH_THE_TOOL: Final = frozenset(
    {
        *("mkdocs", "readthedocs", "search"),
        *("blog", "group", "info", "meta", "offline", "optimize", "privacy", "projects", "social", "tags", "typeset"),
    }
)
"""Names of themes and plugins that are installed together with MkDocs or Material for MkDocs."""
_PLUGINS: Final = {
    "autorefs": "mkdocs-autorefs",
    "awesome-nav": "mkdocs-awesome-nav",
    "awesome-pages": "mkdocs-awesome-pages-plugin",
    "exclude": "mkdocs-exclude",
    "gen-files": "mkdocs-gen-files",
    "git-authors": "mkdocs-git-authors-plugin",
    "git-revision-date-localized": "mkdocs-git-revision-date-localized-plugin",
    "glightbox": "mkdocs-glightbox",
    "i18n": "mkdocs-static-i18n",
    "include-markdown": "mkdocs-include-markdown-plugin",
    "literate-nav": "mkdocs-literate-nav",
    "macros": "mkdocs-macros-plugin",
    "mermaid2": "mkdocs-mermaid2-plugin",
    "minify": "mkdocs-minify-plugin",
    "mkdocs-jupyter": "mkdocs-jupyter",
    "mkdocstrings": "mkdocstrings[python]",
    "monorepo": "mkdocs-monorepo-plugin",
    "redirects": "mkdocs-redirects",
    "rss": "mkdocs-rss-plugin",
    "same-dir": "mkdocs-same-dir",
    "section-index": "mkdocs-section-index",
    "swagger-ui-tag": "mkdocs-swagger-ui-tag",
    "table-reader": "mkdocs-table-reader-plugin",
}
_OF_SPHINX: Final = {
    "furo": "furo",
    "linkify_it": "linkify-it-py",
    "myst_nb": "myst-nb",
    "myst_parser": "myst-parser",
    "nbsphinx": "nbsphinx",
    "numpydoc": "numpydoc",
    "pydata_sphinx_theme": "pydata-sphinx-theme",
    "shibuya": "shibuya",
    "sphinx_autodoc_typehints": "sphinx-autodoc-typehints",
    "sphinx_book_theme": "sphinx-book-theme",
    "sphinx_copybutton": "sphinx-copybutton",
    "sphinx_design": "sphinx-design",
    "sphinx_inline_tabs": "sphinx-inline-tabs",
    "sphinx_rtd_theme": "sphinx-rtd-theme",
    "sphinx_tabs": "sphinx-tabs",
    "sphinxcontrib.mermaid": "sphinxcontrib-mermaid",
    "sphinxext.opengraph": "sphinxext-opengraph",
}
"""Modules named in conf.py, and the packages that contain them."""
_WORDS = re.compile(r"[\"']([A-Za-z_][\w.]{1,60})[\"']")


def python_install(tree: Tree, project: Project, reasons: list[str]) -> str:
    """Returns the command that installs the tool and the project's required packages. Raises BuildFileInvalidError."""
    name = project.framework.name if project.framework else ""
    command, named, where = _declared(tree, project.folder)
    lines = [command] if command else []
    if where:
        reasons.append(f"Install: the Python packages of {printable(where)}.")
    # The requirements may list only a theme or plugin. The name of its package contains the name of the tool, and it
    # installs the tool.
    packages = [] if name in named.lower() else [*_PACKAGES.get(name, ())]
    if packages or not command:
        packages += _guessed(tree, project, reasons)
    if packages:
        reasons.append(f"Install: {', '.join(packages)}, because the project's requirements do not contain {name}.")
        lines.append(shlex.join(("pip", "install", "--quiet", *dict.fromkeys(packages))))
    return " && ".join(lines)


def python_build(tree: Tree, project: Project, reasons: list[str]) -> tuple[str, ...]:
    """Returns the build command of the project's framework, which runs in the project's folder."""
    tool = project.framework
    assert tool is not None
    command = tuple(tool.command.split())
    if tool.name == "sphinx":
        folder = _conf_py(tree, project)[len(project.folder) :].strip("/").rpartition("/")[0]
        command = ("sphinx-build", "-b", "html", folder or ".", sphinx_output(folder))
    reasons.append(f"Build: {tool.title}'s own command `{shlex.join(command)}`.")
    return command


def _conf_py(tree: Tree, project: Project) -> str:
    """Returns the path of Sphinx's configuration. Raises NothingToBuildError."""
    files = project.framework.files if project.framework else ()
    found = next((file for pattern in files for file in tree.matches(pattern, project.folder)), None)
    if found is None:
        raise NothingToBuildError(
            place=f"`{printable(project.folder) or '.'}`",
            reason="the folder has no conf.py, and neither docs/ nor source/ contains one",
            hint="Set the folder with the conf.py as `root`. Or set the build command as `build` and its output "
            "folder as `output`.",
        )
    return found


def _declared(tree: Tree, folder: str) -> tuple[str, str, str]:
    """Returns the command that installs the project's declared packages, the text that declares them, and its file."""
    text = {name: read_roughly(tree, joined(folder, name)) for name in ("uv.lock", "poetry.lock", "pyproject.toml")}
    if text["uv.lock"]:
        return (
            "pip install --quiet uv && uv sync --active --frozen --inexact --all-groups",
            text["uv.lock"],
            joined(folder, "uv.lock"),
        )
    if text["poetry.lock"]:
        return _POETRY, text["poetry.lock"], joined(folder, "poetry.lock")
    for name in ("Pipfile.lock", "Pipfile"):
        if tree.is_file(joined(folder, name)):
            verb = "sync" if name == "Pipfile.lock" else "install"
            command = f"pip install --quiet pipenv && pipenv {verb} --dev"
            return command, read_roughly(tree, joined(folder, name)), joined(folder, name)
    for name in _REQUIREMENTS:
        if tree.is_file(joined(folder, name)):
            command = shlex.join(("pip", "install", "--quiet", "-r", name))
            return command, read_roughly(tree, joined(folder, name)), joined(folder, name)
    project = read_toml(tree, joined(folder, "pyproject.toml")) or {}
    has_setup = any(tree.is_file(joined(folder, name)) for name in ("setup.py", "setup.cfg"))
    command, declared = _of_poetry(project) or _of_pyproject(project, is_package=has_setup or _is_package(project))
    return command, declared, joined(folder, "pyproject.toml") if command else ""


def _of_poetry(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """Returns the install command and the declared packages for Poetry's own lists of packages, without a lock file.
    Returns None if there are no lists."""
    poetry = _table(_table(data.get("tool")).get("poetry"))
    lists = {name: _table(poetry.get(name)) for name in ("dependencies", "dev-dependencies", "group")}
    if not any(set(packages) - {"python"} for packages in lists.values()):
        return None
    return _POETRY, str([lists, _table(data.get("project")).get("dependencies")])


def _is_package(data: Mapping[str, Any]) -> bool:
    """Returns true if pip can install the project itself, and not only the packages that it needs."""
    return "build-system" in data or "setuptools" in _table(data.get("tool"))


def _of_pyproject(data: Mapping[str, Any], *, is_package: bool) -> tuple[str, str]:
    """Returns the install command for the packages in a pyproject.toml, and the text of the requirements that the
    command installs."""
    lines = []
    groups = data.get("dependency-groups")
    project = _table(data.get("project"))
    extras = project.get("optional-dependencies")
    group = next((one for one in _GROUPS if one in _table(groups)), None)
    extra = next((one for one in _GROUPS if one in _table(extras)), None)
    if group:
        # Debian 12 has pip 23, but groups need pip 25.1.
        lines.append(f"pip install --quiet 'pip>=25.1' && pip install --quiet --group {group}")
    if is_package and (extra or (project and not group)):
        lines.append(f"pip install --quiet '.[{extra}]'" if extra else "pip install --quiet .")
    elif extra or (project.get("dependencies") and not group):
        # uv installs only the dependencies. pip would also build the project, which fails for a project with several
        # folders of modules.
        option = f" --extra {extra}" if extra else ""
        lines.append(f"pip install --quiet uv && uv pip install --quiet -r pyproject.toml{option}")
    named = [
        _chosen(_table(groups), group, "include-group"),
        _chosen(_table(extras), extra, "["),
        project.get("dependencies") if extra or not group else None,
    ]
    return " && ".join(lines), str(named)


def _chosen(lists: Mapping[str, Any], name: str | None, reference: str) -> object:
    """Returns the named list of requirements, or all lists if the named list refers to another list."""
    found = lists.get(name) if name else None
    return lists if isinstance(found, list) and any(reference in str(one) for one in found) else found


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _guessed(tree: Tree, project: Project, reasons: list[str]) -> list[str]:
    """Returns the packages of the known themes and plugins in the tool's configuration."""
    name = project.framework.name if project.framework else ""
    if name == "mkdocs":
        return _guessed_of_mkdocs(tree, project.folder, reasons)
    if name != "sphinx" or project.framework is None:
        return []
    words = set(_WORDS.findall(read_roughly(tree, _conf_py(tree, project))))
    return [package for module, package in _OF_SPHINX.items() if module in words]


def _guessed_of_mkdocs(tree: Tree, folder: str, reasons: list[str]) -> list[str]:
    config = read_yaml(tree, joined(folder, "mkdocs.yml")) or read_yaml(tree, joined(folder, "mkdocs.yaml")) or {}
    theme, plugins = config.get("theme"), config.get("plugins")
    named = theme.get("name", "") if isinstance(theme, dict) else theme
    wanted = [named] if isinstance(named, str) and named else []
    for one in plugins if isinstance(plugins, list | dict) else ():
        first = next(iter(one), None) if isinstance(one, dict) else one
        wanted += [first.rpartition("/")[2]] if isinstance(first, str) else []
    unknown = [one for one in wanted if one not in _THEMES and one not in _PLUGINS and one not in _WITH_THE_TOOL]
    if unknown:
        shown = ", ".join(f"`{printable(one[:50])}`" for one in unknown[:8])
        reasons.append(
            f"Warning: Easel does not know which package provides {shown}. List that package in requirements.txt."
        )
    extensions = config.get("markdown_extensions")
    uses_pymdown = any("pymdownx" in str(one) for one in extensions) if isinstance(extensions, list) else False
    return [
        *(package for one in wanted if (package := _THEMES.get(one) or _PLUGINS.get(one))),
        *(["pymdown-extensions"] if uses_pymdown else []),
    ]
