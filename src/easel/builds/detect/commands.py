"""The command that builds a project of Node.js: a script of its package.json, or the tool's own command."""

from __future__ import annotations

import re
import shlex
from typing import Final

from easel.builds.detect.errors import NothingToBuildError
from easel.builds.detect.files import read_json
from easel.builds.detect.models import Command
from easel.builds.detect.package import Package
from easel.builds.detect.project import NX_FILE, NX_PROJECT, Project
from easel.builds.detect.workspaces import Workspace, members, needed
from easel.builds.managers import Manager
from easel.builds.tree import Tree, joined
from easel.bundles.names import printable

_USUAL: Final = ("build",)
_NOT_BUILDS = re.compile(r"(?:dev|start|serve|preview|watch|test|lint|deploy|pre|post)", re.ASCII)
_NUXT_BUILD = re.compile(r"(?:npx )?nux[ti] build\s{0,9}\Z", re.ASCII)
_NEXT_EXPORT = re.compile(r"\bnext export\b", re.ASCII)
_NX_NAME = re.compile(r"[\w@][\w@/.-]{0,200}\Z", re.ASCII)
_DOCS: Final = {"vitepress": ".vitepress", "vuepress": ".vuepress"}


def script_of(project: Project) -> str | None:
    """Returns the name of the package.json script that builds the site. Returns None if the tool must be called
    directly."""
    tool = project.framework
    scripts = project.package.scripts if project.package else {}
    names = [name for name in (tool.scripts if tool else _USUAL) if name in scripts]
    if tool is None:
        return names[0] if names else None
    runs_tool = [name for name in names if _has(scripts[name], tool.marks)]
    others = [name for name in scripts if _has(scripts[name], tool.marks) and not _NOT_BUILDS.match(name)]
    name = next(iter((*runs_tool, *names, *others)), None)
    if tool.name == "nuxt" and name is not None and _NUXT_BUILD.match(scripts[name].strip()):
        return None
    return name


def build_command(
    tree: Tree, project: Project, manager: Manager, workspace: Workspace | None, reasons: list[str]
) -> tuple[Command, str]:
    """Returns the build command of a Node.js project, and the text of the package.json script that this command runs in
    the end. The reason for the choice is added to `reasons`. Raises NothingToBuildError, BuildFileInvalidError."""
    tool, package = project.framework, project.package
    name = script_of(project)
    if name is not None and package is not None:
        text = package.scripts[name]
        reasons.append(f"Build: the script `{printable(name)}` of {printable(package.path)} (`{printable(text)}`).")
        command = (*manager.run, name)
        if tool and tool.name == "next" and _NEXT_EXPORT.match(package.scripts.get("export", "")):
            text += " && next export"
            return f"{shlex.join(command)} && {shlex.join((*manager.run, 'export'))}", text
        return _with_needed(tree, package, workspace, manager, command, reasons), text
    if name is None and (project_name := _of_nx(tree, project.folder)) is not None:
        reasons.append(
            f"Build: `nx build {project_name}`, because there is a {printable(joined(project.folder, NX_PROJECT))}."
        )
        return (*manager.execute, "nx", "build", project_name), ""
    if tool is None or not tool.command:
        raise NothingToBuildError(
            place=f"`{printable(package.path)}`" if package else "the sources",
            reason="package.json has no script `build`, and no known build tool is among the dependencies",
            hint="Add the script. Or set the build command as `build` and its output folder as `output` in the table "
            "`[build]` of easel.toml, or use `--build-command` and `--output`. To deploy a folder of pages unchanged, "
            "set only `output`.",
        )
    said = f"{tool.title}'s own command `{tool.command}`"
    why = "because package.json has no script for it"
    if tool.name == "nuxt":
        why = "because `nuxt build` would write a server instead of pages"
    reasons.append(f"Build: {said}, {why}.")
    command = (*manager.execute, *tool.command.split(), *_folder_of_docs(tree, project))
    return _with_needed(tree, package, workspace, manager, command, reasons), tool.command


def _of_nx(tree: Tree, folder: str) -> str | None:
    """Returns the name of the Nx project in the folder."""
    if not folder or not tree.is_file(NX_FILE):
        return None
    data = read_json(tree, joined(folder, NX_PROJECT), comments=True)
    name = (data or {}).get("name", folder.rpartition("/")[2])
    return name if data is not None and isinstance(name, str) and _NX_NAME.match(name) else None


def _has(text: str, marks: tuple[str, ...]) -> bool:
    return any(mark in text for mark in marks)


def _folder_of_docs(tree: Tree, project: Project) -> tuple[str, ...]:
    """Returns the argument that VitePress and VuePress need when their pages are in a separate folder."""
    name = _DOCS.get(project.framework.name if project.framework else "")
    if name is None or tree.is_folder(joined(project.folder, name)):
        return ()
    found = tree.matches(f"*/{name}", project.folder)
    return (found[0][len(project.folder) :].strip("/").rpartition("/")[0],) if found else ()


def _with_needed(
    tree: Tree,
    package: Package | None,
    workspace: Workspace | None,
    manager: Manager,
    command: tuple[str, ...],
    reasons: list[str],
) -> Command:
    """Returns the command, preceded by the builds of the packages in the workspace that this package depends on."""
    if package is None or workspace is None:
        return command
    before = [one for one in needed(package, members(tree, workspace)) if "build" in one.scripts]
    if not before:
        return command
    reasons.append(
        "Build: the packages of this repository that the app depends on are built first: "
        + ", ".join(printable(one.name or one.folder) for one in before)
        + "."
    )
    up = "../" * (package.folder.count("/") + 1) if package.folder else ""
    script = shlex.join((*manager.run, "build"))
    steps = [f"(cd {shlex.quote(up + one.folder)} && {script})" for one in before]
    return " && ".join((*steps, shlex.join(command)))
