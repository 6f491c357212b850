"""Makes the plan of a build from its options and the sources: root, tools, commands and outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from easel.builds.detect.commands import build_command
from easel.builds.detect.errors import BuildRootMissingError, BuildSettingInvalidError, BuildToolUnsupportedError
from easel.builds.detect.files import read_toml
from easel.builds.detect.models import BuildOptions, Command, PackageManager, Plan
from easel.builds.detect.node_version import node_version
from easel.builds.detect.outputs import outputs_of, pages_in
from easel.builds.detect.package import Package, read_package
from easel.builds.detect.package_manager import choose_manager, commands_of
from easel.builds.detect.project import Project, choose_root, is_nx_project, project_at
from easel.builds.detect.python import python_build, python_install
from easel.builds.detect.servers import refuse_servers
from easel.builds.detect.settings import TABLE, checked, options_of
from easel.builds.detect.workspaces import Workspace, folders_above, workspace_around, workspace_at
from easel.builds.frameworks import FRAMEWORKS, named
from easel.builds.managers import MANAGERS
from easel.builds.tree import LeadsOutError, Tree, joined
from easel.bundles.names import printable
from easel.bundles.root import ENTRY_POINT, PROJECT_SETTINGS

STATIC: Final = "static"
"""The value of `framework` for a folder that is served without a build."""
_NONE: Final = ("", "react")
"""Values of `framework` that stand for no tool. Every app's configuration has `react`, whatever its tool is."""
_WITH_NODE: Final = ("hugo",)
"""Tools that are not written in JavaScript, but run programs of Node.js."""
_MISSING: Final = {
    "ruby": "they need Ruby, which Easel's builds do not have",
    "dart": "they need Flutter, which Easel's builds do not have",
    "rust": "they need a program that neither npm nor the Python Package Index provides",
    "deno": "they need Deno, which Easel's builds do not have",
    "dotnet": "they need .NET, which Easel's builds do not have",
    "quarto": "they need Quarto, which Easel's builds do not have",
}


def plan(source: Path, wanted: BuildOptions, app: BuildOptions | None = None, reasons: list[str] | None = None) -> Plan:
    """Returns the plan for the sources. The deploy's options `wanted` override easel.toml, which overrides the options
    of `app`. The reasons for the choices are added to `reasons`, even if there is no plan in the end.

    Raises a subclass of BuildPlanError. Nothing from the sources is run, and no link out of them is followed.
    """
    tree = Tree(source)
    reasons = [] if reasons is None else reasons
    project, settings = root_and_settings(tree, wanted, app, reasons)
    return _plan(tree, _with_framework(project, settings), settings, reasons)


def root_and_settings(
    tree: Tree, wanted: BuildOptions, app: BuildOptions | None, reasons: list[str]
) -> tuple[Project, BuildOptions]:
    """Returns the project to build, and all options combined. Raises BuildPlanError."""
    asked = checked(wanted, "this deploy")
    after = _of_easel_toml(tree, "").over(checked(app or BuildOptions(), "this app"))
    root = asked.over(after).root
    if root is not None:
        folder = _checked_root(tree, root)
        project = project_at(tree, folder)
        reasons.append(f"Root: `{printable(folder) or '.'}`, from the build settings.")
    else:
        is_told = asked.over(after).build is not None
        project = choose_root(tree, reasons, is_told=is_told)
    if project.folder:
        after = _of_easel_toml(tree, project.folder).over(after)
    return project, asked.over(after)


def _of_easel_toml(tree: Tree, folder: str) -> BuildOptions:
    path = joined(folder, PROJECT_SETTINGS)
    table = (read_toml(tree, path) or {}).get(TABLE)
    return BuildOptions() if table is None else options_of(table, f"`{printable(path)}`")


def _checked_root(tree: Tree, root: str) -> str:
    try:
        folder = tree.real(root)
    except LeadsOutError as error:
        raise BuildRootMissingError(root=printable(root), hint=f"It is a link that {error.reason}.") from error
    if folder is None or not tree.is_folder(folder):
        names = [name for name in tree.names("") if tree.is_folder(name) and not name.startswith(".")]
        shown = ", ".join(f"`{printable(name)}`" for name in names[:8])
        raise BuildRootMissingError(
            root=printable(root),
            hint=f"The existing folders are {shown}." if shown else "The sources contain no folders.",
        )
    return folder


def _with_framework(project: Project, wanted: BuildOptions) -> Project:
    name = (wanted.framework or "").strip().lower()
    if name in _NONE:
        return project
    found = named(name)
    if found is None and name != STATIC:
        known = ", ".join(f"`{tool.name}`" for tool in FRAMEWORKS)
        reason = f"`{printable(name[:50])}` is unknown. The known frameworks are {known} and `{STATIC}`"
        raise BuildSettingInvalidError(setting="framework", where="the build settings", reason=reason)
    return replace(project, framework=found, by="it is set in the build settings")


def _plan(tree: Tree, project: Project, wanted: BuildOptions, reasons: list[str]) -> Plan:
    tool = project.framework
    if tool is not None:
        reasons.append(f"Framework: {tool.title}, because {project.by}.")
    if tool is not None and tool.needs in _MISSING and wanted.build is None:
        raise BuildToolUnsupportedError(
            title=tool.title,
            reason=_MISSING[tool.needs],
            hint=f"Build it with `{tool.advice}`, and deploy its output folder ({tool.outputs[0]}/).",
        )
    if _is_plain(tree, project, wanted):
        return _plain(project, wanted, reasons)
    needs_python = tool is not None and tool.needs == "python"
    package = _package_around(tree, project)
    commands = _node(tree, project, package, wanted, reasons) if package else _Commands()
    if needs_python:
        commands = _python(tree, project, commands, wanted, reasons)
    build = commands.build if wanted.build is None else _line(wanted.build, "Build", reasons)
    install = commands.install if wanted.install is None else _line(wanted.install, "Install", reasons)
    if wanted.output is not None:
        outputs: tuple[str, ...] = (joined(project.folder, wanted.output),)
    else:
        outputs = outputs_of(tree, project, wanted.build or commands.text)
    # With a build command, the pages that exist before the build are recorded, because the command must rewrite them.
    # Without one, these pages are served as they are.
    before = pages_in(tree, outputs, tool.name if tool else None) if build is not None else {}
    return Plan(
        root=project.folder,
        framework=tool.name if tool else None,
        runtime="python" if needs_python else "node" if package else "none",
        package_manager=commands.manager,
        node=commands.node,
        install=install,
        build=build,
        outputs=outputs,
        install_root=commands.install_root,
        environment=dict(tool.environment) if tool else {},
        caches=tool.caches if tool else (),
        before=before,
        reasons=tuple(reasons),
    )


class _Commands:
    """The commands that were detected for a project: its install and its build."""

    manager: PackageManager | None = None
    node: str | None = None
    install: Command | None = None
    install_root: str = ""
    build: Command | None = None
    text: str = ""


def _is_plain(tree: Tree, project: Project, wanted: BuildOptions) -> bool:
    """Returns true if the project is served without a build: its folder, or the output folder in its settings, contains
    a page, and the project uses no tool that generates pages."""
    if wanted.framework == STATIC:
        return True
    is_built = project.framework or project.script("build") is not None or is_nx_project(tree, project.folder)
    folders = (project.folder, joined(project.folder, wanted.output or ""))
    return (
        not is_built and wanted.build is None and any(tree.is_file(joined(folder, ENTRY_POINT)) for folder in folders)
    )


def _plain(project: Project, wanted: BuildOptions, reasons: list[str]) -> Plan:
    is_told = wanted.framework == STATIC
    found = "because the project has an index.html, and uses no tool that generates pages"
    why = "because of the build settings" if is_told else found
    reasons.append(f"Build: none, {why}.")
    return Plan(
        root=project.folder,
        framework=None,
        runtime="none",
        package_manager=None,
        node=None,
        install=None,
        build=None,
        outputs=(joined(project.folder, wanted.output or ""),),
        install_root=project.folder,
        reasons=tuple(reasons),
    )


def _line(text: str, part: str, reasons: list[str]) -> str | None:
    shown = f"`{printable(text)}`" if text.strip() else "left out"
    reasons.append(f"{part}: {shown}, from the build settings.")
    return text if text.strip() else None


def _package_around(tree: Tree, project: Project) -> Package | None:
    """Returns the package.json that installs the project's tools. This is the project's own file, or, for tools of
    Node.js, a file in a parent folder."""
    tool = project.framework
    if tool is not None and tool.needs != "node" and tool.name not in _WITH_NODE and not _runs(project):
        return None
    is_found_above = tool.needs == "node" if tool is not None else is_nx_project(tree, project.folder)
    if project.package is not None or not is_found_above:
        return project.package
    return next((found for folder in folders_above(project.folder) if (found := read_package(tree, folder))), None)


def _node(tree: Tree, project: Project, package: Package, wanted: BuildOptions, reasons: list[str]) -> _Commands:
    commands = _Commands()
    own = package.folder
    workspace = _workspace(tree, own)
    commands.install_root = workspace.folder if workspace else own
    top = read_package(tree, commands.install_root) if workspace and workspace.folder != own else None
    packages = (package, top) if top else (package,)
    if workspace and workspace.folder != own:
        reasons.append(
            f"Install: in `{printable(workspace.folder) or '.'}`, because `{printable(own)}` belongs to the "
            f"workspace there."
        )
    commands.manager = choose_manager(tree, commands.install_root, packages, wanted, reasons)
    commands.node = node_version(tree, project.folder, packages, wanted, reasons)
    manager = commands_of(commands.manager)
    commands.install = manager.frozen if commands.manager.lock else manager.loose
    if wanted.build is None and (project.framework is None or project.framework.needs == "node" or _runs(project)):
        commands.build, commands.text = build_command(tree, project, manager, workspace, reasons)
    # A project is not refused if its options set the build command or the output folder, because its user may know how
    # to build it.
    if wanted.build is None and wanted.output is None and project.framework and project.framework.needs == "node":
        refuse_servers(tree, project, commands.text)
    return commands


def _workspace(tree: Tree, folder: str) -> Workspace | None:
    """Returns the workspace that installs the folder. Returns None if the folder has a lock file of its own."""
    if any(tree.is_file(joined(folder, lock)) for manager in MANAGERS.values() for lock in manager.locks):
        return workspace_at(tree, folder)
    return workspace_around(tree, folder) or workspace_at(tree, folder)


def _runs(project: Project) -> bool:
    """Returns true if the build script in package.json runs the project's framework, which is a tool of another
    language."""
    tool, text = project.framework, project.script("build")
    return tool is not None and text is not None and tool.command.split()[0] in text


def _python(tree: Tree, project: Project, node: _Commands, wanted: BuildOptions, reasons: list[str]) -> _Commands:
    if wanted.install is None:
        install = python_install(tree, project, reasons)
        if isinstance(node.install, tuple) and node.install_root == project.folder:
            install = f"{' '.join(node.install)} && {install}"
        node.install = install
    node.install_root = project.folder
    if wanted.build is None and node.build is None:
        node.build = python_build(tree, project, reasons)
    return node
