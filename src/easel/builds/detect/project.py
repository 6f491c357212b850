"""Finds the folder that contains the site, and the tool that makes the site, from package.json and other files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from easel.builds.detect.errors import NothingToBuildError, SeveralAppsError
from easel.builds.detect.files import read_roughly
from easel.builds.detect.package import PACKAGE_FILE, Package, read_package
from easel.builds.detect.workspaces import folders_of_projects, workspace_at
from easel.builds.frameworks import FRAMEWORKS, Framework
from easel.builds.tree import Tree, joined
from easel.bundles.names import printable
from easel.bundles.root import ENTRY_POINT

_PROJECT_FILES: Final = frozenset(
    {PACKAGE_FILE, ENTRY_POINT}
    | {file for tool in FRAMEWORKS if tool.needs != "node" for file in tool.files if "*" not in file}
)
NX_FILE: Final = "nx.json"
"""The file that marks an Nx repository. Its projects need no package.json of their own."""
NX_PROJECT: Final = "project.json"
_PAGES: Final = (ENTRY_POINT, "src/index.html", "public/index.html")
"""Pages that the sources of a site have, and the sources of a library do not have."""
_NAMED_AT_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Project:
    """A folder of sources, and the tool that builds it. `by` is the text that identified the tool, such as a file's
    name."""

    folder: str
    package: Package | None
    framework: Framework | None
    by: str = ""
    has_page: bool = False

    @property
    def is_site(self) -> bool:
        """Returns true if the build certainly makes a site, and not a library."""
        return self.framework is not None and (self.has_page or not self.framework.makes_libraries)

    def script(self, name: str) -> str | None:
        """Returns the command line of a script in the project's package.json, or None if there is no such script."""
        return self.package.scripts.get(name) if self.package else None


def project_at(tree: Tree, folder: str) -> Project:
    """Returns the project in a folder. Raises BuildFileInvalidError."""
    package = read_package(tree, folder)
    has_page = any(tree.is_file(joined(folder, page)) for page in _PAGES)
    found = [*_by_dependency(package), *_by_file(tree, folder)]
    framework, by = min(found, key=lambda one: _rank(one[0], has_page), default=(None, ""))
    return Project(folder, package, framework, by, has_page)


def _rank(tool: Framework, has_page: bool) -> int:
    """Returns the rank of a tool among the tools of a project. The tool with the lowest rank builds the site. Deno is
    first, because it runs the other tools. Node's tools that build only sites are next, and then its general tools if
    the project has a page or the tool builds no libraries. Tools of other languages follow, because they may build only
    documentation. All other general tools are last, because they may build a library."""
    if tool.needs == "deno":
        return -1
    if tool.needs == "node" and not tool.general:
        return 0
    if tool.needs == "node" and (has_page or not tool.makes_libraries):
        return 1
    return 2 if not tool.general else 3


def _by_dependency(package: Package | None) -> list[tuple[Framework, str]]:
    known = package.dependencies if package else {}
    return [
        (tool, f"`{name}` is among the dependencies in {printable(package.path)}")
        for tool in FRAMEWORKS
        if package and (name := next((one for one in tool.packages if one in known), None))
    ]


def _by_file(tree: Tree, folder: str) -> list[tuple[Framework, str]]:
    found = []
    for tool in FRAMEWORKS:
        paths = (path for pattern in tool.files for path in tree.matches(pattern, folder))
        file = next((path for path in paths if tree.is_file(path)), None)
        if file is not None and _is_its_file(tree, folder, tool, file):
            found.append((tool, f"there is a {printable(file)}"))
    return found


def _is_its_file(tree: Tree, folder: str, tool: Framework, file: str) -> bool:
    """Returns true if the file belongs to this tool. Other tools have files of the same name."""
    if tool.name == "sphinx":
        beside = file.rpartition("/")[0]
        indexed = any(tree.is_file(joined(beside, f"index.{suffix}")) for suffix in ("rst", "md", "txt"))
        return indexed or "sphinx" in read_roughly(tree, file).lower()
    if tool.name == "jekyll":
        texts = read_roughly(tree, joined(folder, "Gemfile")) + read_roughly(tree, file)
        has_folder = any(tree.is_folder(joined(folder, name)) for name in ("_posts", "_layouts", "_includes"))
        return has_folder or any(word in texts for word in ("jekyll", "github-pages", "remote_theme:"))
    if tool.name == "middleman":
        return "middleman" in read_roughly(tree, joined(folder, "Gemfile"))
    if tool.name == "zola":
        return "base_url" in read_roughly(tree, file) and tree.is_folder(joined(folder, "content"))
    if tool.name == "blazor":
        return "BlazorWebAssembly" in read_roughly(tree, file)
    if tool.name == "deno":
        has_package = tree.is_file(joined(folder, PACKAGE_FILE))
        return not has_package and all(word in read_roughly(tree, file) for word in ('"tasks"', '"build"'))
    if tool.name == "flutter":
        return tree.is_folder(joined(folder, "web"))
    return not (tool.name == "expo" and file.endswith("app.json")) or '"expo"' in read_roughly(tree, file)


def is_nx_project(tree: Tree, folder: str) -> bool:
    """Returns true if the folder is a project of an Nx repository. Such a project may have no package.json of its
    own."""
    return bool(folder) and tree.is_file(NX_FILE) and tree.is_file(joined(folder, NX_PROJECT))


def choose_root(tree: Tree, reasons: list[str], *, is_told: bool) -> Project:
    """Returns the project to build when no option sets its folder. `is_told` is true if an option sets the command. The
    command is then meant for the top folder. Raises SeveralAppsError, NothingToBuildError, BuildFileInvalidError."""
    top = project_at(tree, "")
    is_nx = tree.is_file(NX_FILE)
    # In an Nx repository, the package.json at the top lists the dependencies of all projects. It does not show that the
    # top folder itself is an app.
    is_chosen = top.is_site and (not is_nx or tree.is_file(NX_PROJECT))
    if is_chosen or (is_told and (top.package or top.framework)):
        return top
    workspace = workspace_at(tree, "")
    is_shared = workspace is not None or is_nx
    if not is_shared and (top.script("build") or top.has_page or top.framework):
        return top
    files = _PROJECT_FILES | {NX_PROJECT} if is_nx else _PROJECT_FILES
    below = [project_at(tree, folder) for folder in folders_of_projects(tree, "", files, 3)]
    sites = [one for one in below if one.is_site or (one.has_page and is_nx_project(tree, one.folder))]
    if workspace is not None:
        sites = [one for one in sites if workspace.holds(one.folder) or is_nx_project(tree, one.folder)]
    elif not sites and not top.is_site:
        sites = [one for one in below if one.has_page]
    # An app's folder may contain another project, such as its documentation.
    outermost = [one for one in sites if not any(one.folder.startswith(f"{other.folder}/") for other in sites)]
    if len(outermost) == 1:
        reasons.append(
            f"Root: `{printable(outermost[0].folder)}`, because it is the only folder with an app. To use another "
            f"folder, set `root`."
        )
        return outermost[0]
    if is_told or (top.is_site and not outermost):
        return top
    if outermost:
        names = [printable(one.folder) for one in outermost]
        more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
        found = ", ".join(f"`{name}`" for name in names[:_NAMED_AT_MOST]) + more
        raise SeveralAppsError(found=found, example=names[0])
    if top.script("build"):
        return top
    built = [one.folder for one in below if one.script("build")]
    if built:
        raise NothingToBuildError(
            place="the top folder of the sources",
            reason="no known build tool is used in it or in the folders of the workspace",
            hint=f"Set the folder of the app as `root`, for example `{printable(built[0])}`.",
        )
    if top.package is not None:
        return top
    shown = ", ".join(f"`{printable(name)}`" for name in tree.names("")[:_NAMED_AT_MOST]) or "nothing"
    raise NothingToBuildError(
        place="the sources",
        reason=f"they contain neither a package.json nor a configuration file of a known build tool nor an "
        f"index.html. They contain {shown}",
        hint="Set the folder of the app as `root`. Or set the build command as `build` and its output folder as "
        "`output`.",
    )
