"""The folders that may hold a build's pages, the likeliest first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from easel.builds.detect.files import read_json, read_roughly, read_toml, read_yaml
from easel.builds.detect.models import Stamp
from easel.builds.detect.project import NX_FILE, Project
from easel.builds.detect.scripts import Script, within
from easel.builds.detect.servers import FIXES
from easel.builds.frameworks import OTHERS, SOURCE_OR_OUTPUT, USUAL, is_template, named
from easel.builds.tree import Tree, joined
from easel.bundles.root import ENTRY_PAGES, PROJECT_SETTINGS, home_page

_PLAIN = re.compile(r"[\w./@ -]{1,200}\Z", re.ASCII)
_OUTPUT_OPTION = re.compile(
    r"(?:--output=|--output |--outdir |--outDir |--dist-dir |-d )[\"']?(?:\./)?([\w.@/-]{1,200})", re.ASCII
)
_OUTPUT_DIRECTORY = re.compile(r"setOutputDirectory\(\s{0,9}[\"'`](?:\./)?([\w./@-]{1,200}?)/?[\"'`]", re.ASCII)
_OUTPUT_PATH = re.compile(r"^OUTPUT_PATH\s{0,9}=\s{0,9}[\"'](?:\./)?([\w./@-]{1,200}?)/?[\"']", re.MULTILINE | re.ASCII)


def outputs_of(tree: Tree, project: Project, command: str) -> tuple[str, ...]:
    """Returns the possible output folders as paths in the sources, with `*` for a part of any name. `command` is the
    text of the build's script.

    Raises BuildFileInvalidError.
    """
    folder, tool = project.folder, project.framework
    if tool is None:
        # The tool is unknown, so every usual folder is possible.
        return within(
            folder, *_deployed(tree, folder), *_nx(tree, folder), *_optional(command), *USUAL, *OTHERS, SOURCE_OR_OUTPUT
        )
    found = tuple(one for one in _READERS.get(tool.name, _nothing)(tree, folder) if one)
    usual = USUAL if tool.needs == "node" else ()
    return within(
        folder, *_deployed(tree, folder), *_nx(tree, folder), *_optional(command), *found, *tool.outputs, *usual
    )


def pages_in(tree: Tree, outputs: Iterable[str], framework: str | None) -> dict[str, Stamp]:
    """Returns the output folders that contain an entry page, in the order of `outputs`. Each folder is mapped to the
    time of the page's last change and the page's size.

    If the framework may write a server instead of pages, only the usual names of entry pages, such as `index.html`,
    count. The other files may include a page that is not the app's, such as the page that proves a site's ownership to
    a search engine.
    """
    of_any_name = framework not in FIXES
    found = ((path, _page(tree, path, of_any_name=of_any_name)) for path in folders_of(tree, outputs))
    return {path: page for path, page in found if page is not None}


def folders_of(tree: Tree, outputs: Iterable[str]) -> list[str]:
    """Returns the output folders that exist, each once, in the order of `outputs`."""
    paths = (path for pattern in outputs for path in (tree.matches(pattern) if "*" in pattern else [pattern]))
    return [path for path in dict.fromkeys(paths) if tree.is_folder(path)]


def _page(tree: Tree, folder: str, *, of_any_name: bool) -> Stamp | None:
    page = next((name for name in ENTRY_PAGES if tree.is_file(joined(folder, name))), None)
    if page is None and of_any_name:
        page = home_page([name for name in tree.names(folder) if tree.is_file(joined(folder, name))])
    path = joined(folder, page or "")
    place = tree.place(path) if page else None
    is_source = folder.endswith(SOURCE_OR_OUTPUT) and is_template(read_roughly(tree, path))
    if place is None or is_source:
        return None
    status = place.lstat()
    return status.st_mtime_ns, status.st_size


def _optional(command: str) -> tuple[str, ...]:
    """Returns the output folder that an option of the command sets, such as `--outDir`."""
    found = _OUTPUT_OPTION.search(command)
    return (found[1].rstrip("/"),) if found and _is_plain(found[1]) else ()


def _is_plain(path: str) -> bool:
    return not path.startswith("/") and _PLAIN.match(path) is not None


def _deployed(tree: Tree, folder: str) -> Iterator[str]:
    """Yields the folder that `easel deploy` deploys, as stated by the easel.toml in the project's folder."""
    path = (read_toml(tree, joined(folder, PROJECT_SETTINGS)) or {}).get("folder")
    if isinstance(path, str) and _is_plain(path):
        yield path


def _nx(tree: Tree, folder: str) -> Iterator[str]:
    """Yields the output folder of an Nx project, relative to the top of the sources."""
    if folder and tree.is_file(NX_FILE):
        data = read_json(tree, joined(folder, "project.json"), comments=True)
        path = _at(data, "targets", "build", "options", "outputPath")
        if isinstance(path, str) and _is_plain(path):
            yield from (f"{'../' * (folder.count('/') + 1)}{path}{inner}" for inner in ("/browser", ""))


def _nothing(tree: Tree, folder: str) -> Iterator[str | None]:
    yield from ()


def _of_script(name: str, *patterns: str, inner: str = "") -> Callable[[Tree, str], Iterator[str | None]]:
    def read(tree: Tree, folder: str) -> Iterator[str | None]:
        found = Script(tree, folder, *patterns).folder(name)
        yield joined(found, inner) if found else None

    return read


def _vite(tree: Tree, folder: str) -> Iterator[str | None]:
    config = Script(tree, folder, "vite.config.*")
    root = config.folder("root")
    if root not in (None, "."):
        yield joined(root or "", config.folder("outDir") or "dist")
    yield config.folder("outDir")


def _vitepress(tree: Tree, folder: str) -> Iterator[str | None]:
    found = tree.matches(".vitepress", folder) + tree.matches("*/.vitepress", folder)
    for path in found[:5]:
        inner = path[len(folder) :].strip("/")
        config = Script(tree, path, "config.*", "config/index.*").folder("outDir")
        if config:
            yield joined(inner.rpartition("/")[0], config)
        yield joined(inner, "dist")


def _angular(tree: Tree, folder: str) -> Iterator[str | None]:
    projects = (read_json(tree, joined(folder, "angular.json"), comments=True) or {}).get("projects")
    for name, project in projects.items() if isinstance(projects, dict) else ():
        if not isinstance(project, dict) or project.get("projectType", "application") != "application":
            continue
        path = _at(project, "architect", "build", "options", "outputPath") or _at(
            project, "targets", "build", "options", "outputPath"
        )
        base, browser = path if path else None, "browser"
        if isinstance(path, dict):
            base, browser = path.get("base"), path.get("browser", "browser")
        base = base if isinstance(base, str) and base else f"dist/{name}"
        base = base.removeprefix("./").rstrip("/")
        for place in (joined(base, browser if isinstance(browser, str) else "browser"), base):
            yield place if _is_plain(place) else None


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _eleventy(tree: Tree, folder: str) -> Iterator[str | None]:
    config = Script(tree, folder, ".eleventy.js", "eleventy.config.*")
    yield config.folder("output")
    found = _OUTPUT_DIRECTORY.search(config.text)
    yield found[1] if found and _is_plain(found[1]) else None


def _mkdocs(tree: Tree, folder: str) -> Iterator[str | None]:
    for name in ("mkdocs.yml", "mkdocs.yaml"):
        yield _plain((read_yaml(tree, joined(folder, name)) or {}).get("site_dir"))


def _zensical(tree: Tree, folder: str) -> Iterator[str | None]:
    yield _plain(_at(read_toml(tree, joined(folder, "zensical.toml")), "project", "site_dir"))


def _hugo(tree: Tree, folder: str) -> Iterator[str | None]:
    for name in ("hugo", "config"):
        yield _plain((read_toml(tree, joined(folder, f"{name}.toml")) or {}).get("publishDir"))
        yield _plain((read_yaml(tree, joined(folder, f"{name}.yaml")) or {}).get("publishDir"))


def _hexo(tree: Tree, folder: str) -> Iterator[str | None]:
    yield _plain((read_yaml(tree, joined(folder, "_config.yml")) or {}).get("public_dir"))


def _sphinx(tree: Tree, folder: str) -> Iterator[str | None]:
    tool = named("sphinx")
    place = next((path for pattern in (tool.files if tool else ()) for path in tree.matches(pattern, folder)), None)
    yield sphinx_output(place[len(folder) :].strip("/").rpartition("/")[0]) if place else None


def sphinx_output(folder: str) -> str:
    """Returns the output folder for the conf.py in `folder`, as in Sphinx's own Makefile."""
    around, _, name = folder.rpartition("/")
    return joined(around, "build/html") if name == "source" else joined(folder, "_build/html")


def _pelican(tree: Tree, folder: str) -> Iterator[str | None]:
    found = _OUTPUT_PATH.search(read_roughly(tree, joined(folder, "pelicanconf.py")))
    yield found[1] if found and _is_plain(found[1]) else None


def _plain(value: Any) -> str | None:
    return value.removeprefix("./").rstrip("/") if isinstance(value, str) and _is_plain(value) else None


_READERS: Final[Mapping[str, Callable[[Tree, str], Iterator[str | None]]]] = {
    "vite": _vite,
    "vitepress": _vitepress,
    "angular": _angular,
    "eleventy": _eleventy,
    "mkdocs": _mkdocs,
    "zensical": _zensical,
    "hugo": _hugo,
    "hexo": _hexo,
    "pelican": _pelican,
    "sphinx": _sphinx,
    "next": _of_script("distDir", "next.config.*"),
    "astro": _of_script("outDir", "astro.config.*"),
    "sveltekit": _of_script("pages", "svelte.config.*", "vite.config.*"),
    "react-router": _of_script("buildDirectory", "react-router.config.*", inner="client"),
    "vue-cli": _of_script("outputDir", "vue.config.*"),
    "rspress": _of_script("outDir", "rspress.config.*"),
    "rsbuild": _of_script("root", "rsbuild.config.*"),
}
