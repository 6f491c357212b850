"""The package manager that installs a project, its version, and its commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, cast

from nodesemver import satisfies

from easel.builds.detect.errors import BuildSettingInvalidError, BuildToolUnsupportedError
from easel.builds.detect.files import read_roughly
from easel.builds.detect.models import BuildOptions, PackageManager
from easel.builds.detect.package import Package
from easel.builds.detect.ranges import is_exact, version_range
from easel.builds.managers import MANAGERS, YARN_1, Manager, ManagerName
from easel.builds.tree import Tree, joined
from easel.bundles.names import printable

_HEAD: Final = 4 * 1024
"""Number of bytes read from a lock file, to find the version of the package manager."""
_NAMED = re.compile(
    r"([a-z]{1,20})@(\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]{1,60})?)(?:\+(sha\d{3}\.[0-9a-f]{40,128}))?\Z",
    re.ASCII,
)
_PNPM_LOCK = re.compile(r"^lockfileVersion: {0,3}'?(\d{1,3})\.", re.MULTILINE | re.ASCII)
_YARN_LOCK = re.compile(r"^__metadata:\r?\n {1,4}version: {0,3}(\d{1,3})", re.MULTILINE | re.ASCII)
_YARN_1_LOCK: Final = "# yarn lockfile v1"
_YARN_PATH = re.compile(
    r"^yarnPath: {0,3}[\"']?[^\n]{0,200}?yarn-(\d{1,9}\.\d{1,9}\.\d{1,9})\.[cm]?js", re.MULTILINE | re.ASCII
)
_FIRST = re.compile(r"[~^=v]{0,3}[01](?:\.|\Z)", re.ASCII)
_OF_PNPM_LOCKS: Final = {"5": "7", "6": "8"}
_OF_YARN_LOCKS: Final = {"4": "2", "5": "3", "6": "3"}
_PNPM_10: Final = "10"
"""The version of pnpm for lock files whose format is not in `_OF_PNPM_LOCKS`. pnpm 10 reads both the settings of older
projects, which are in package.json, and the newer settings that an install needs."""


def choose_manager(
    tree: Tree, folder: str, packages: tuple[Package, ...], wanted: BuildOptions, reasons: list[str]
) -> PackageManager:
    """Returns the package manager for an install in `folder`. The first of `packages` that states a package manager
    determines it. Raises BuildSettingInvalidError, BuildToolUnsupportedError."""
    locks = {lock: name for name, manager in MANAGERS.items() for lock in manager.locks}
    # An empty lock file marks a folder as a separate project, and pins no version.
    found = [lock for lock in locks if read_roughly(tree, joined(folder, lock), 1)]
    if tree.is_file(joined(folder, "deno.lock")) and not found:
        raise BuildToolUnsupportedError(
            title="Deno",
            reason=f"`{printable(joined(folder, 'deno.lock'))}` is the only lock file, but Easel installs only with "
            f"npm, pnpm, Yarn or Bun",
            hint="Add a lock file of one of these package managers.",
        )
    chosen = _stated(packages, wanted)
    if chosen is None:
        name = locks[found[0]] if found else "npm"
        version, digest = None, None
        if not found:
            reasons.append(
                "Package manager: npm, because there is no lock file, and the project does not set "
                "another package manager."
            )
        elif len({locks[lock] for lock in found}) > 1:
            reasons.append(
                f"Package manager: {name}. There are several lock files ({_quoted(found)}), and {found[0]} is used. "
                f"To use another package manager, set `packageManager` in package.json. Delete outdated lock files."
            )
        else:
            reasons.append(f"Package manager: {name}, because of its lock file {printable(joined(folder, found[0]))}.")
    else:
        name, version, digest, said = chosen
        reasons.append(f"Package manager: {name}{f' {version}' if version else ''}, from {said}.")
    lock = next((one for one in found if locks[one] == name), None)
    if version is None or not is_exact(version):
        of_lock = _by_lock(tree, folder, name, lock)
        asked = version or _by_engines(packages, name)
        version = _narrowed(asked, of_lock) if asked and lock else asked or of_lock
    if _is_older(tree, folder, lock, version):
        # Yarn 2 and later must rewrite this lock file, which a frozen install refuses.
        reasons.append(
            f"Warning: {lock} was written by Yarn 1, but the project requires Yarn {version}, so the versions of "
            f"dependencies may change."
        )
        return PackageManager(name, version, None, digest)
    if lock is None:
        others = f" ({_quoted(found)} belongs to another package manager)" if found else ""
        reasons.append(
            f"Warning: there is no lock file of {name}{others}, so this install may choose other versions than the "
            f"last install. Commit a `{MANAGERS[name].writes}`."
        )
    return PackageManager(name, version, joined(folder, lock) if lock else None, digest)


def _is_older(tree: Tree, folder: str, lock: str | None, version: str | None) -> bool:
    """Returns true if Yarn 1 wrote the lock file, but the project requires a later version."""
    if lock != "yarn.lock" or version is None or _FIRST.match(version):
        return False
    return _YARN_1_LOCK in read_roughly(tree, joined(folder, lock), _HEAD)


def commands_of(manager: PackageManager) -> Manager:
    """Returns the commands of the package manager, such as its install command, in the form that its version needs."""
    is_first = manager.name == "yarn" and _FIRST.match(manager.version or "")
    return YARN_1 if is_first else MANAGERS[manager.name]


def _stated(
    packages: tuple[Package, ...], wanted: BuildOptions
) -> tuple[ManagerName, str | None, str | None, str] | None:
    if wanted.package_manager is not None:
        name, version, digest = _read(wanted.package_manager, "the build settings", "package_manager")
        return name, version, digest, "the build settings"
    for package in packages:
        if package.package_manager:
            name, version, digest = _read(package.package_manager, f"`{printable(package.path)}`", "packageManager")
            return name, version, digest, f"`packageManager` in {printable(package.path)}"
    for package in packages:
        name_, version_ = package.dev_engine
        if name_:
            _refuse_unknown(name_, f"`{printable(package.path)}`", "devEngines.packageManager")
            said = f"`devEngines` in {printable(package.path)}"
            return cast("ManagerName", name_), version_range(version_), None, said
    return None


def _read(text: str, where: str, setting: str) -> tuple[ManagerName, str | None, str | None]:
    """Returns name, version and digest of `pnpm`, `pnpm@10` or `pnpm@10.1.0+sha512.…`. Raises
    BuildSettingInvalidError."""
    text = text.strip()
    exact = _NAMED.match(text)
    name, _, version = text.partition("@")
    _refuse_unknown(exact[1] if exact else name, where, setting)
    if exact:
        return cast("ManagerName", name), exact[2], exact[3]
    # The version is a range, or the address of another build of the package manager. The address is not used.
    version, _, checksum = version.partition("+")
    if checksum.lower().startswith("sha"):
        raise BuildSettingInvalidError(
            setting=setting,
            where=where,
            reason=f"`{printable(checksum[:50])}` does not consist of an exact version and a hexadecimal checksum",
        )
    return cast("ManagerName", name), version_range(version), None


def _refuse_unknown(name: str, where: str, setting: str) -> None:
    if name not in MANAGERS:
        raise BuildSettingInvalidError(
            setting=setting,
            where=where,
            reason=f"`{printable(name[:50])}` is not one of the package managers {_quoted(MANAGERS)}",
        )


def _by_engines(packages: tuple[Package, ...], name: str) -> str | None:
    return next((found for package in packages if (found := version_range(package.engines.get(name, "")))), None)


def _narrowed(wanted: str, of_lock: str | None) -> str:
    """Returns the required range, or the lock file's major version if this version is in the range, because newer
    versions may refuse the file."""
    return of_lock if of_lock and satisfies(f"{of_lock}.999.999", wanted, loose=True) else wanted


def _by_lock(tree: Tree, folder: str, name: str, lock: str | None) -> str | None:
    """Returns the version of the package manager that wrote the lock file, as a range. Returns None for the newest
    version."""
    head = read_roughly(tree, joined(folder, lock), _HEAD) if lock else ""
    if name == "pnpm" and lock:
        written = _PNPM_LOCK.search(head)
        # Since version 11, the lock file may have a separate document for pnpm itself.
        newest = head.startswith("---")
        return None if newest else _OF_PNPM_LOCKS.get(written[1], _PNPM_10) if written else None
    if name == "yarn":
        settings = read_roughly(tree, joined(folder, ".yarnrc.yml"), _HEAD)
        if path := _YARN_PATH.search(settings):
            return path[1]
        if written := _YARN_LOCK.search(head):
            return _OF_YARN_LOCKS.get(written[1], "4")
        return "1" if lock and not settings else "4"
    return None


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
