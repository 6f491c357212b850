"""Workspaces: packages of one repository that are installed together, and their dependencies on each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from easel.builds.detect.files import read_yaml
from easel.builds.detect.package import PACKAGE_FILE, Package, read_package
from easel.builds.detect.patterns import Pattern
from easel.builds.tree import Tree, joined

PNPM_FILE: Final = "pnpm-workspace.yaml"
_MOST_PATTERNS: Final = 100
_MOST_FOLDERS: Final = 2_000
"""Maximum number of folders that are searched for packages."""
_DEPTH: Final = 5
NOT_ENTERED: Final = frozenset({"node_modules", ".git", ".venv", "venv", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace's root folder, and the patterns of its members' folders. The patterns are relative to the root."""

    folder: str
    patterns: tuple[str, ...]

    def holds(self, folder: str) -> bool:
        """Returns true if the folder (a path in the sources) belongs to a member of the workspace."""
        if not _is_inside(folder, self.folder):
            return False
        path = folder[len(self.folder) :].strip("/")
        wanted = [Pattern(pattern) for pattern in self.patterns if not pattern.startswith("!")]
        refused = [Pattern(pattern[1:]) for pattern in self.patterns if pattern.startswith("!")]
        return any(one.fits(path) for one in wanted) and not any(one.fits(path) for one in refused)


def workspace_at(tree: Tree, folder: str) -> Workspace | None:
    """Returns the workspace with its root in this folder. Raises BuildFileInvalidError."""
    listed = (read_yaml(tree, joined(folder, PNPM_FILE)) or {}).get("packages")
    package = read_package(tree, folder)
    patterns = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    patterns += package.workspaces if package else ()
    return Workspace(folder, tuple(_plain(one) for one in patterns[:_MOST_PATTERNS])) if patterns else None


def workspace_around(tree: Tree, folder: str) -> Workspace | None:
    """Returns the nearest workspace in a parent folder that has this folder as a member. Raises
    BuildFileInvalidError."""
    for above in folders_above(folder):
        found = workspace_at(tree, above)
        if found is not None and found.holds(folder):
            return found
    return None


def folders_above(folder: str) -> Iterator[str]:
    """Yields a folder's parent folders, from the nearest to the top of the sources ("")."""
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def folders_of_projects(tree: Tree, base: str, files: frozenset[str], depth: int = _DEPTH) -> list[str]:
    """Returns the folders below `base` that directly contain one of these files. At most 2,000 folders are searched,
    the nearest first."""
    found: list[str] = []
    level, looked = [base], 0
    for _ in range(depth):
        inner: list[str] = []
        for folder in level:
            for name in tree.names(folder):
                path = joined(folder, name)
                if name in NOT_ENTERED or name.startswith(".") or not _is_own_folder(tree, path):
                    continue
                looked += 1
                if looked > _MOST_FOLDERS:
                    return found
                inner.append(path)
                if any(tree.is_file(joined(path, file)) for file in files):
                    found.append(path)
        level = inner
    return found


def _is_own_folder(tree: Tree, path: str) -> bool:
    # A link to a folder may lead to a folder that is already searched.
    return tree.is_folder(path) and tree.real(path) == path


def members(tree: Tree, workspace: Workspace) -> dict[str, Package]:
    """Returns the workspace's packages by name. Raises BuildFileInvalidError."""
    found: dict[str, Package] = {}
    for folder in folders_of_projects(tree, workspace.folder, frozenset({PACKAGE_FILE})):
        if workspace.holds(folder):
            package = read_package(tree, folder)
            if package is not None:
                found.setdefault(package.name or folder, package)
    return found


def needed(package: Package, by_name: Mapping[str, Package]) -> list[Package]:
    """Returns the workspace's packages that this package depends on, directly or through other packages."""
    order: list[Package] = []
    entered = {package.name}
    ahead = [(package, iter(sorted(package.dependencies)))]
    while ahead:
        current, names = ahead[-1]
        name = next((one for one in names if one in by_name and one not in entered), None)
        if name is None:
            ahead.pop()
            if current is not package:
                order.append(current)
        else:
            entered.add(name)
            ahead.append((by_name[name], iter(sorted(by_name[name].dependencies))))
    return order


def _plain(pattern: str) -> str:
    mark = "!" if pattern.startswith("!") else ""
    return mark + pattern.removeprefix("!").removeprefix("./").strip("/")


def _is_inside(folder: str, top: str) -> bool:
    return folder != top and (not top or folder.startswith(f"{top}/"))
