"""The cache key of a project's dependencies. It covers everything that decides the content of `node_modules` after an
install."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from easel.builds.detect.models import Plan
from easel.builds.tree import LeadsOutError, Tree, joined

MOST_ENTRIES: Final = 200_000
"""Maximum number of files and folders that are searched in the sources. Dependencies of larger sources are not
cached."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Maximum size in bytes of a lock file, and of all other files together from which the key is computed."""
MOST_PACKAGES: Final = 2_000
MOST_MODULES: Final = 500
DEEPEST: Final = 64
"""Maximum depth of the folders in the sources that are searched."""

_DECIDING: Final = (
    "name",
    "packageManager",
    "workspaces",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "dependenciesMeta",
    "bundleDependencies",
    "bundledDependencies",
    "overrides",
    "resolutions",
    "catalog",
    "catalogs",
    "trustedDependencies",
    "allowScripts",
    "pnpm",
    "bin",
    "engines",
    "os",
    "cpu",
)
_DEPENDENCIES: Final = ("dependencies", "devDependencies", "optionalDependencies")
_OF_INSTALLS: Final = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")
"""Names of the scripts in package.json that package managers run during an install."""
_SETTINGS: Final = frozenset(
    {".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs", ".pnpmfile.mjs", "bunfig.toml"}
)
_FOLDERS: Final = frozenset({"patches", ".yarn"})
_PASSED: Final = frozenset({"node_modules", ".git"})
_PASSED_IN_YARN: Final = frozenset({"cache", "unplugged"})
_VARIABLES: Final = ("npm_config_", "pnpm_config_", "yarn_", "bun_", "node_env", "node_options")


@dataclass(frozen=True, slots=True)
class Dependencies:
    """A project's dependencies.

    `key` is None if two installs may have different results, because there is no lock file, or because packages are
    folders of the sources. `runs_scripts` is true if the project's own packages have install scripts, which may do
    anything.
    """

    key: str | None
    runs_scripts: bool


class _Key:
    """A digest of named values and files, from which the cache key is computed. The total size of the files is
    limited."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._left = MOST_BYTES
        self.is_whole = True
        """True if every file of the key could be read so far."""

    def add(self, name: str, value: bytes) -> None:
        encoded = name.encode(errors="surrogateescape")
        self._digest.update(b"%d %d " % (len(encoded), len(value)) + encoded + value)

    def read(self, tree: Tree, path: str) -> bytes | None:
        """Returns a file's bytes. Returns None if there is no file, or if the file is larger than the number of bytes
        that the key may still read."""
        text = None
        with suppress(OSError, LeadsOutError):
            text = tree.head(path, self._left + 1)
        if text is None or len(text) > self._left:
            self.is_whole = False
            return None
        self._left -= len(text)
        return text

    def add_file(self, tree: Tree, path: str) -> None:
        text = self.read(tree, path)
        if text is not None:
            self.add(path, text)

    def value(self) -> str | None:
        """Returns the cache key of the files and values so far. Returns None if a file could not be read."""
        return self._digest.hexdigest() if self.is_whole else None


def dependencies_of(source: Path, plan: Plan, toolchain: str, environment: Mapping[str, str]) -> Dependencies:
    """Returns the dependencies of the project that `plan` builds from the folder `source`. `toolchain` contains the
    versions of Node and the package manager. Raises OSError."""
    lock = plan.package_manager.lock if plan.package_manager else None
    tree = Tree(source)
    files = _files(tree.root) if lock is not None else None
    if lock is None or files is None:
        return Dependencies(None, runs_scripts=True)
    key = _Key()
    key.add("toolchain", f"{toolchain} {platform.machine()}".encode())
    key.add("install", repr((plan.install, plan.install_root)).encode())
    for name, value in sorted(environment.items()):
        if name.lower().startswith(_VARIABLES):
            key.add(name, value.encode(errors="surrogateescape"))
    key.add_file(tree, lock)
    runs_scripts = tree.is_file(joined(plan.install_root, "binding.gyp"))
    for path in sorted(files):
        if path.rpartition("/")[2] != "package.json":
            key.add_file(tree, path)
            continue
        package = _package(key.read(tree, path))
        if package is None or _holds_folders(package):
            key.is_whole = False
            continue
        key.add(path, json.dumps({field: package.get(field) for field in _DECIDING}, sort_keys=True).encode())
        runs_scripts |= _runs_scripts(package)
    return Dependencies(key.value(), runs_scripts)


def modules_of(source: Path) -> tuple[str, ...]:
    """Returns the paths of all outermost `node_modules` folders. Returns no paths if there are too many folders."""
    looked = 0
    found: list[str] = []
    for path, folders, files in walk(Tree(source).root):
        looked += 1 + len(folders) + len(files)
        if looked > MOST_ENTRIES or len(found) > MOST_MODULES:
            return ()
        if "node_modules" in folders:
            found.append(joined(path, "node_modules"))
    return tuple(found)


def _files(root: Path) -> list[str] | None:
    """Returns the files that decide the result of an install. Returns None if the sources are too large for a
    search."""
    looked = 0
    found: list[str] = []
    for path, folders, files in walk(root):
        looked += 1 + len(files) + len(folders)
        if looked > MOST_ENTRIES:
            return None
        whole = not _FOLDERS.isdisjoint(path.split("/"))
        found += [joined(path, name) for name in files if whole or name in _SETTINGS or name == "package.json"]
        if len(found) > MOST_PACKAGES:
            return None
    return found


def walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yields each folder's path, subfolders and other entries. Skips links, dependencies, folders deeper than
    `DEEPEST`, and folders that cannot be read."""
    ahead = [""]
    while ahead:
        path = ahead.pop()
        try:
            with os.scandir(root / path) as entries:
                is_folder = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
        except OSError:
            continue
        folders = [name for name, true in is_folder.items() if true]
        yield path, folders, [name for name, true in is_folder.items() if not true]
        if path.count("/") < DEEPEST:
            passed = _PASSED | (_PASSED_IN_YARN if path.rpartition("/")[2] == ".yarn" else frozenset())
            ahead += [joined(path, name) for name in folders if name not in passed]


def _package(text: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _runs_scripts(package: Mapping[str, Any]) -> bool:
    scripts = package.get("scripts")
    return isinstance(scripts, dict) and any(name in scripts for name in _OF_INSTALLS)


def _holds_folders(package: Mapping[str, Any]) -> bool:
    """Returns true if this package.json has a dependency that is a folder or file of the sources. Some package managers
    copy such folders and files into `node_modules`."""
    for field in _DEPENDENCIES:
        named = package.get(field)
        if isinstance(named, dict) and any(
            isinstance(spec, str) and spec.startswith(("file:", "./", "../", "/")) for spec in named.values()
        ):
            return True
    return False
