"""What is deployed: the folder or zip named, easel.toml's, or the build that is found."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from easel.cli.project import FILE_NAME, Project
from easel.cli.shipping.errors import (
    EntryPointMissingError,
    FolderMissingError,
    NothingToDeployError,
    SourceFolderError,
)

BUILD_FOLDERS = ("dist", "build", "out", "public")
"""Where build tools put a finished app, in the order they are looked for."""

# No element reaches into the next one, so that the search takes time in proportion to the page alone.
_SOURCE_SCRIPT = re.compile(r"""<script[^<>]+src=["'](/?src/[^"'<>]+|[^"'<>]+\.(?:tsx?|jsx))["']""", re.IGNORECASE)
"""A script that only a development server can give out."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be deployed. `found` says how it was chosen when nobody named it."""

    path: Path
    found: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it still has to be zipped."""
        return self.path.is_dir()


def choose_target(given: Path | None, project: Project, working: Path) -> Target:
    """The folder or zip to deploy: the one given, easel.toml's, or the first build folder with an index.html.

    Raises FolderMissingError, EntryPointMissingError, NothingToDeployError.
    """
    if given is not None:
        return _checked(Target(working / given if not given.is_absolute() else given), shown=str(given))
    if project.folder is not None:
        chosen = Target(project.root / project.folder, found=f"the folder named in {FILE_NAME}")
        return _checked(chosen, shown=project.folder)
    for base in dict.fromkeys((working, project.root)):
        for name in BUILD_FOLDERS:
            if has_entry_point(base / name):
                return Target(base / name, found="it has an index.html")
        # An index.html beside a package.json is the source of one, not the built page.
        if has_entry_point(base) and not (base / "package.json").exists():
            return Target(base, found="it has an index.html")
    looked = ", ".join(f"{name}/" for name in BUILD_FOLDERS)
    built = (project.root / "package.json").exists() or (working / "package.json").exists()
    hint = (
        "Build it first (often `npm run build`), then deploy again."
        if built
        else "Build the app first, or name its folder: `easel deploy DIR`."
    )
    raise NothingToDeployError(looked=looked, hint=hint)


def refuse_source(target: Target, shown: str) -> None:
    """Refuses the source of an app in place of its build, which visitors would see as a blank page.

    Raises SourceFolderError.
    """
    folder = target.path
    if not target.is_folder or not (folder / "package.json").exists():
        return
    try:
        page = (folder / "index.html").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    built = [name for name in BUILD_FOLDERS if has_entry_point(folder / name)]
    script = _SOURCE_SCRIPT.search(page)
    if script is None and not built:
        return
    why = f"its page loads {script[1]}" if script else f"there is a package.json, and {built[0]}/ with an index.html"
    where = (Path(shown) / built[0]).as_posix() if built else ""
    hint = f"Its build is in {built[0]}/: `easel deploy {where}`." if built else "Build it first (`npm run build`)."
    raise SourceFolderError(folder=shown, why=why, hint=hint)


def _checked(target: Target, *, shown: str) -> Target:
    if not target.path.exists():
        hint = " Build the app first (often `npm run build`)." if target.path.name in BUILD_FOLDERS else ""
        raise FolderMissingError(path=shown, hint=hint)
    if target.is_folder and not has_entry_point(target.path):
        raise EntryPointMissingError(folder=shown, hint=_nearest(target.path, shown))
    return target


def _nearest(folder: Path, shown: str) -> str:
    """Where a built app lies instead: inside the folder or beside it."""
    for base, prefix in ((folder, Path(shown)), (folder.resolve().parent, Path(shown) / "..")):
        for name in BUILD_FOLDERS:
            if base / name != folder.resolve() and has_entry_point(base / name):
                where = (prefix / name).as_posix()
                return f"`{where}` has one: `easel deploy {where}`."
    if (folder / "package.json").exists():
        return "Build it first (often `npm run build`), then deploy the folder that it writes."
    return "Deploy the folder that your build writes (often dist/, build/ or out/)."


def has_entry_point(folder: Path) -> bool:
    """Whether the folder has an index.html directly inside."""
    return (folder / "index.html").is_file()


def project_root(project: Project, target: Target, working: Path) -> Path:
    """Where the code of this app is: beside easel.toml, else the working directory, else around the build folder."""
    if project.file is not None:
        return project.root
    place = target.path.resolve()
    if place.is_relative_to(working.resolve()) or not target.is_folder:
        return working
    return place.parent if place.name in BUILD_FOLDERS else place


def deployed_project(project: Project, given: Path | None, working: Path, *, app: str | None, create: bool) -> Project:
    """The project that is deployed from `working`: the one around it, or one of its own, of which nothing is known yet.

    The latter is meant by whoever names another app than the easel.toml in a folder above, or makes one, unless they
    deploy just what that easel.toml names.
    """
    other = create if app is None else _are_two(app, project.app)
    if project.file is None or not other or project.root.resolve() == working.resolve():
        return project
    folders = BUILD_FOLDERS if project.folder is None else (project.folder,)
    if (working / (given or "")).resolve() in [(project.root / name).resolve() for name in folders]:
        return project
    return replace(project, root=working, file=None, app=None, folder=None)


def _are_two(app: str, known: str | None) -> bool:
    """Whether these, each a slug or an id, surely name two apps: one app has both. Only ids have an underscore."""
    return known is None or (app != known and ("_" in app) == ("_" in known))
