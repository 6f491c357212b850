"""The output folders of build tools, and the tools that a project uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from easel.builds.frameworks import FRAMEWORKS, OTHERS, SOURCE_OR_OUTPUT, USUAL, Framework, is_template
from easel.bundles.root import ENTRY_PAGES, ENTRY_POINT, home_page, is_junk

NAMED: Final = "dist/, build/, out/, public/, _site/, site/, .output/public/, build/client/, dist/NAME/browser/"
"""The most common output folders of build tools, as the messages list them."""

_SURELY: Final = frozenset({*USUAL, SOURCE_OR_OUTPUT, "_site", "_book", "storybook-static", "web-build"})
_PERHAPS: Final = frozenset(pattern.rpartition("/")[2] for pattern in OTHERS if not pattern.endswith("*"))
_PROJECT_FILES: Final = (
    ".git",
    "package.json",
    "pyproject.toml",
    "Cargo.toml",
    "Gemfile",
    "go.mod",
    "pubspec.yaml",
    *(file for tool in FRAMEWORKS for file in tool.files if tool.name != "zola"),
)
_DEPTH: Final = 4
"""Maximum depth of a build's output folder below the folder of its project."""
_LOOKED_AT: Final = 200
"""Maximum number of folders that are searched for built apps."""
_TEMPLATE_LOOKED_AT: Final = 64 * 1024
"""Number of first bytes of a page that are searched for the marks of a template."""


def has_entry_point(folder: Path) -> bool:
    """Returns true if the folder contains an index.html, or another entry page that build tools write in its place."""
    return any((folder / name).is_file() for name in ENTRY_PAGES)


def may_be_app(folder: Path) -> bool:
    """Returns true if the folder contains an entry page. Only the folder's top level is listed."""
    try:
        names = [child.name for child in folder.iterdir() if child.is_file()]
        return home_page(names) is not None or has_entry_point(folder)
    except OSError:
        return False


def is_project(folder: Path) -> bool:
    """Returns true if the folder holds source code: a repository, or a build tool's configuration."""
    return any(_has(folder, file) for file in _PROJECT_FILES)


def is_name_of_output(name: str) -> bool:
    """Returns true if a build's output often has this name, so that the name does not describe the app."""
    return name in _SURELY | _PERHAPS


def source_of(output: Path) -> Path | None:
    """Returns the folder of the build that wrote this output folder, judged by names and surrounding projects. Returns
    None if the folder is not a build's output."""
    if is_project(output):
        return None
    inside_dist = "dist" in (output.parent.name, output.parent.parent.name)
    if not is_name_of_output(output.name) and not inside_dist:
        return None
    around = next((folder for folder in output.parents[:_DEPTH] if is_project(folder)), None)
    return around or (output.parent if output.name in _SURELY else None)


def tools_of(folder: Path) -> list[Framework]:
    """Returns the build tools that the project in the folder uses."""
    found = [tool for tool in FRAMEWORKS if any(_has(folder, file) for file in tool.files)]
    if (folder / "package.json").exists() and not (folder / "Gemfile").exists():
        # Hexo has a `_config.yml` like Jekyll's, and a deno.json may only set up an editor.
        found = [tool for tool in found if tool.needs not in ("ruby", "deno")]
    if not ((folder / "content").is_dir() and (folder / "templates").is_dir()):
        # Many programs have a `config.toml` like Zola's.
        found = [tool for tool in found if tool.name != "zola"]
    particular = any(tool.needs == "node" and not tool.general for tool in found)
    return [tool for tool in found if not (tool.general and particular)]


def find_outputs(base: Path) -> list[Path]:
    """Returns the folders of built apps in the project at `base`: the output folders of the build tools that the
    project uses, else output folders at the usual places. If `base` itself is a plain folder of pages, most of the
    usual places are not searched, because they may contain ordinary pages."""
    tools = tools_of(base)
    plain = has_entry_point(base) and not tools and not (base / "package.json").exists()
    written = [output for tool in tools for output in tool.outputs]
    # If the tool is known and writes elsewhere, `public` contains inputs of its build.
    last = () if tools else (SOURCE_OR_OUTPUT,)
    for layer in (written, USUAL, () if plain else (*USUAL, *OTHERS), last):
        if found := _distinct(folder for pattern in layer for folder in _folders(base, pattern)):
            return found
    return []


def find_below(base: Path) -> list[Path]:
    """Finds built apps of projects one or two folders below `base`, such as in a monorepo. Searches only a few
    folders."""
    found: list[Path] = []
    looked = 0
    for pattern in ("*", "*/*"):
        for folder in _glob(base, pattern):
            looked += 1
            if looked > _LOOKED_AT:
                return found
            if folder.is_dir() and "node_modules" not in folder.parts and is_project(folder):
                found += find_outputs(folder)
    return _distinct(found)


def only_inner(folder: Path) -> Path | None:
    """Returns the only subfolder, which the server takes as the root of a zip. Returns None if the folder contains
    anything else."""
    try:
        entries = [entry for entry in folder.iterdir() if not is_junk(entry.name + ("/" if entry.is_dir() else ""))]
    except OSError:
        return None
    return entries[0] if len(entries) == 1 and may_be_app(entries[0]) else None


def _folders(base: Path, pattern: str) -> Iterator[Path]:
    for folder in _glob(base, pattern) if "*" in pattern else [base / pattern]:
        if has_entry_point(folder) and not _is_template(folder / ENTRY_POINT):
            yield folder


def _is_template(page: Path) -> bool:
    """Returns true if the page is the template of Create React App or Vue CLI, which is in `public`."""
    if page.parent.name != SOURCE_OR_OUTPUT:
        return False
    try:
        with page.open("rb") as file:
            head = file.read(_TEMPLATE_LOOKED_AT)
    except OSError:
        return False
    return is_template(head.decode("utf-8", "replace"))


def _distinct(folders: Iterator[Path] | list[Path]) -> list[Path]:
    """Returns each folder once, however many links lead to it, and without folders inside other folders of the list."""
    by_place: dict[Path, Path] = {}
    for folder in folders:
        by_place.setdefault(folder.resolve(), folder)
    return [folder for place, folder in by_place.items() if not by_place.keys() & set(place.parents)]


def _has(folder: Path, file: str) -> bool:
    return any(True for _ in _glob(folder, file)) if "*" in file else (folder / file).exists()


def _glob(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
