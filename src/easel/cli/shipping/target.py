"""Chooses the folder or zip to deploy: the given path, the folder in easel.toml, or a detected build."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from easel.bundles.root import ENTRY_POINT
from easel.cli.project import FILE_NAME, Project, slug_from
from easel.cli.shipping.errors import (
    EntryPointMissingError,
    FolderMissingError,
    NothingToDeployError,
    SeveralBuildsError,
    SourceFolderError,
)
from easel.cli.shipping.outputs import (
    NAMED,
    find_below,
    find_outputs,
    has_entry_point,
    is_name_of_output,
    is_project,
    may_be_app,
    only_inner,
    source_of,
    tools_of,
)
from easel.cli.shipping.worktree import is_ignored
from easel.cli.textfile import decode_roughly
from easel.places import home

# No match extends into the next element, so the search takes linear time.
_SCRIPT = re.compile(r"""<script[^<>]*?\ssrc\s{0,9}=\s{0,9}(?:"([^"<>]+)"|'([^'<>]+)'|([^\s"'<>]+))""", re.IGNORECASE)
_SOURCE = re.compile(r"(?:\.{0,2}/)?src/|.*\.(?:[cm]?tsx?|jsx|vue|svelte)(?:[?#]|\Z)", re.IGNORECASE)
"""Matches the address of a script in a page that only a development server can serve."""
_TYPED = re.compile(r".*\.(?:[cm]?tsx?|jsx|vue|svelte)(?:[?#]|\Z)", re.IGNORECASE)
"""Matches the address of a script in a language that no browser runs, such as TypeScript."""
_PAGE_LOOKED_AT = 1024 * 1024
"""Number of first bytes of a page that are searched for scripts."""
_NAMED_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Target:
    """The folder or zip to deploy. If the command chose the path and not the user, `found` is the reason for the
    choice."""

    path: Path
    found: str | None = None
    is_source: bool = False
    """True if the folder or zip contains sources, which Easel has to build."""

    @property
    def is_folder(self) -> bool:
        """Returns true if the target is a folder, which still has to be zipped."""
        return self.path.is_dir()


def choose_target(given: Path | None, project: Project, working: Path) -> Target:
    """Returns the folder or zip to deploy: the given path, the folder in easel.toml, or the first build folder with an
    index.html.

    Raises FolderMissingError, EntryPointMissingError, NothingToDeployError.
    """
    if given is not None:
        return _checked(Target(working / given if not given.is_absolute() else given), shown=str(given))
    if project.folder is not None:
        chosen = Target(project.root / project.folder, found=f"this folder is set in {FILE_NAME}")
        return _checked(chosen, shown=project.folder, is_set=True)
    for base in dict.fromkeys((working, project.root)):
        match find_outputs(base):
            case [output]:
                return Target(output, found="it has an index.html")
            case [_, *_] as several:
                raise SeveralBuildsError(found=", ".join(f"`{_shown(folder, working)}`" for folder in several))
        # An index.html next to a package.json is usually the template of the page, not the built page.
        if has_entry_point(base) and not (base / "package.json").exists():
            return Target(base, found="it has an index.html")
    raise NothingToDeployError(looked=NAMED, hint=_advice(project.root, working))


def _advice(root: Path, working: Path) -> str:
    """Returns advice for the user of a project in which no built app was found."""
    for base in dict.fromkeys((working, root)):
        if below := find_below(base):
            several = " or ".join(f"`easel deploy {_shown(folder, working)}`" for folder in below[:_NAMED_AT_MOST])
            return f"There is a built app in a subfolder: {several}."
        for tool in tools_of(base):
            if tool.server_output and (base / tool.server_output).exists():
                return (
                    f"{tool.server_output}/ needs its own server process. To make a static app, {tool.static}, "
                    f"and build again."
                )
            return f"Build the app (often with `{tool.advice}`), and deploy again. Or use `easel deploy --build`."
        if (base / "package.json").exists():
            return "Build the app (often with `npm run build`), and deploy again. Or use `easel deploy --build`."
    return "Build the app first, or pass the folder of the built app: `easel deploy DIR`."


def _shown(folder: Path, working: Path) -> str:
    return folder.relative_to(working).as_posix() if folder.is_relative_to(working) else str(folder)


def displayed(path: Path, working: Path) -> str:
    """Returns a path for a message: relative to the working directory if it is below, with a slash after a folder."""
    return _shown(path, working) + ("/" if path.is_dir() else "")


def refuse_source(target: Target, shown: str) -> None:
    """Raises SourceFolderError if the target contains the sources of an app and not its build, because visitors would
    see a blank page."""
    folder = target.path
    if not target.is_folder:
        return
    try:
        page = (folder / ENTRY_POINT).read_bytes()[:_PAGE_LOOKED_AT]
    except OSError:
        return
    is_source = (folder / "package.json").exists()
    built = [_shown(output, folder) for output in find_outputs(folder)] if is_source else []
    scripts = ("".join(found) for found in _SCRIPT.findall(decode_roughly(page)))
    script = next((address for address in scripts if (_SOURCE if is_source else _TYPED).match(address)), None)
    if script is None and not built:
        return
    why = f"its index.html loads {script}" if script else f"there is a package.json, and {built[0]}/ with an index.html"
    where = (Path(shown) / built[0]).as_posix() if built else ""
    way = "Build the app (`npm run build`), or use `easel deploy --build`."
    hint = f"The build output is in {built[0]}/. Deploy it with `easel deploy {where}`." if built else way
    raise SourceFolderError(folder=shown, why=why, hint=hint)


def _checked(target: Target, *, shown: str, is_set: bool = False) -> Target:
    if not target.path.exists():
        usual = source_of(target.path.resolve()) is not None
        hint = f" It is set as `folder` in {FILE_NAME}." if is_set else ""
        hint += " Build the app first (often with `npm run build`)." if usual else ""
        raise FolderMissingError(path=shown, hint=hint)
    if not target.is_folder or may_be_app(target.path):
        return target
    inner = only_inner(target.path)
    if inner is None:
        raise EntryPointMissingError(folder=shown, hint=_nearest(target.path, shown))
    return Target(inner, found=f"it is the only folder in {shown}")


def _nearest(folder: Path, shown: str) -> str:
    """Returns advice to deploy the nearest built app, inside the folder or next to it."""
    if wrong := _with_capitals(folder):
        return f"Its file is named `{wrong}`: rename it to index.html, because addresses distinguish capitals."
    around = folder.resolve().parent
    for base, prefix in ((folder, Path(shown)), (around, Path(shown) / "..")):
        inside = [child for child in (base / "browser", base / "client") if has_entry_point(child)]
        for output in (*inside, *find_outputs(base), *(find_below(base) if base == folder else ())):
            if output.resolve() != folder.resolve():
                path = prefix / output.relative_to(base)
                # Behind a symbolic link, `..` is another folder.
                where = path.as_posix() if folder.is_symlink() else Path(os.path.normpath(path)).as_posix()
                return f"`{where}` has an index.html. Deploy it with `easel deploy {where}`."
    if is_project(folder):
        return (
            "Build the app (often with `npm run build`), and deploy the folder that the build writes. Or use "
            "`easel deploy --build`, so that Easel builds the app."
        )
    return "Deploy the folder that your build writes (often dist/, build/ or out/)."


def _with_capitals(folder: Path) -> str | None:
    """Returns the name of a file that differs from index.html only in capitals."""
    try:
        with os.scandir(folder) as entries:
            return next(
                (entry.name for entry in entries if entry.name.lower() == ENTRY_POINT and entry.is_file()), None
            )
    except OSError:
        return None


def project_root(project: Project, target: Target, working: Path) -> Path:
    """Returns the folder of the app's code: the folder of easel.toml, else the working directory, else the folder
    around the build."""
    if project.file is not None:
        return project.root
    place, here = target.path.resolve(), working.resolve()
    start = here if place.is_relative_to(here) or not target.is_folder else place
    return source_of(start) or start


def name_of_app(root: Path, target: Target) -> str:
    """Returns the name for a new app: the name of the project's folder, or of a zip outside all projects."""
    folder, name = root.resolve(), target.path.stem
    is_telling = not target.is_folder and slug_from(name) is not None and not is_name_of_output(name.lower())
    return name if is_telling and not is_project(folder) else folder.name


def settings_folder(root: Path, target: Target, working: Path) -> Path | None:
    """Returns the project's folder, where easel.toml may be written. Returns None if only a build's output is known,
    because the next build would delete a file there. Also returns None for the home folder and `/`, because the file
    would apply to all folders below."""
    place = root.resolve()
    if place in (home(), Path(place.anchor)):
        return None
    own = place == target.path.resolve() and not is_project(place)
    return None if own and (place != working.resolve() or is_ignored(place)) else root


def deployed_project(project: Project, given: Path | None, working: Path, *, app: str | None, create: bool) -> Project:
    """Returns the project to deploy from the working directory. This is `project`, the project of an easel.toml in this
    folder or a parent folder, or a new project without an easel.toml.

    The project is new if the user creates an app, or gives another app than that easel.toml contains. It is not new if
    the user deploys exactly the folder that is set in that easel.toml.
    """
    other = create if app is None else _are_two(app, project.app)
    if project.file is None or not other or project.root.resolve() == working.resolve():
        return project
    named = find_outputs(project.root) if project.folder is None else [project.root / project.folder]
    if (working / (given or "")).resolve() in [folder.resolve() for folder in named]:
        return project
    return replace(project, root=working, file=None, app=None, folder=None)


def _are_two(app: str, known: str | None) -> bool:
    """Returns true if these names, each a slug or an id, certainly belong to two apps. An app has a slug and an id, and
    only ids have an underscore."""
    return known is None or (app != known and ("_" in app) == ("_" in known))
