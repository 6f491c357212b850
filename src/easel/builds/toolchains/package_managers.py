"""Chooses the package manager of a build: npm, pnpm, Yarn or Bun, in the version that the project pins."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nodesemver import make_semver

from easel.builds.detect.models import PackageManager
from easel.builds.toolchains.errors import ToolIntegrityError, VersionRangeError, VersionUnavailableError
from easel.builds.toolchains.node import Node, architecture
from easel.builds.toolchains.packages import Packages, check_digest
from easel.builds.toolchains.ranges import available, check_range, is_within, newest, newest_first
from easel.builds.toolchains.registry import Release

_EXACT = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(-[0-9A-Za-z.-]{1,40})?")
_DIGEST = re.compile(r"(sha1|sha224|sha256|sha384|sha512)\.([0-9a-f]{40,128})")
_BERRY = "@yarnpkg/cli-dist"
_NATIVE_PNPM = 12
"""The first major version of pnpm that is a native program in a separate package."""


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager: its version, the folder to mount (None if the package manager comes with Node), and its
    programs by name, as paths in the folder. `native` is true if the programs run without Node."""

    name: str
    version: str
    folder: Path | None
    programs: Mapping[str, str] = field(default_factory=dict)
    native: bool = False

    @property
    def is_yarn_1(self) -> bool:
        """Returns true if this is Yarn before version 2, which has different settings."""
        return self.name == "yarn" and self.version.startswith("1.")


async def choose_npm(node: Node, packages: Packages) -> Manager:
    """Returns Node's own npm, or the newest npm that runs on this Node. Raises VersionUnavailableError,
    ToolchainError."""
    if node.npm is not None and node.npm_version is not None:
        return Manager("npm", node.npm_version, None)
    return await _of_the_registry("npm", "npm", None, node, packages)


async def choose_manager(wanted: PackageManager, node: Node, packages: Packages) -> Manager:
    """Returns the package manager of a plan. Raises VersionRangeError, VersionUnavailableError, ToolchainError."""
    version = wanted.version and check_range(wanted.name, wanted.version)
    wanted = replace(wanted, version=version)
    if wanted.name == "npm":
        own = node.npm_version if wanted.digest is None else None
        if own is not None and (version is None or is_within(own, version)):
            return Manager("npm", own, None)
        return await _of_the_registry("npm", "npm", wanted, node, packages)
    if wanted.name == "pnpm":
        return await _pnpm(wanted, node, packages)
    if wanted.name == "yarn":
        return await _yarn(wanted, node, packages)
    return await _bun(wanted, node, packages)


async def _pnpm(wanted: PackageManager, node: Node, packages: Packages) -> Manager:
    release = await _release("pnpm", "pnpm", wanted, node, packages)
    if make_semver(release.version, loose=True).major < _NATIVE_PNPM:
        return await _unpacked("pnpm", release, wanted, packages)
    native = await packages.registry.exactly("pnpm", f"@pnpm/exe.linux-{architecture()}", release.version)
    program = await packages.unpacked(native) / "pnpm"

    def put_in_place(folder: Path) -> None:
        # As in the package's own install script, the native program replaces each placeholder.
        for name in release.programs.values():
            (folder / name).unlink(missing_ok=True)
            shutil.copyfile(program, folder / name)
            (folder / name).chmod(0o755)

    return replace(await _unpacked("pnpm", release, wanted, packages, put_in_place), native=True)


async def _yarn(wanted: PackageManager, node: Node, packages: Packages) -> Manager:
    """Returns Yarn in the requested version. Yarn 2 and later are in a different npm package than Yarn 1."""
    berry, classic = [await packages.registry.releases(name) for name in (_BERRY, "yarn")]
    package = _BERRY
    if wanted.version is not None:
        try:
            newest("Yarn", berry, wanted.version)
        except VersionUnavailableError:
            package = "yarn"
            known = [*berry, *classic]
            if not any(is_within(version, wanted.version) for version in classic):
                raise VersionUnavailableError(tool="Yarn", wanted=wanted.version, available=available(known)) from None
    return await _of_the_registry("yarn", package, wanted, node, packages)


async def _bun(wanted: PackageManager, node: Node, packages: Packages) -> Manager:
    machine = {"x64": "x64", "arm64": "aarch64"}.get(architecture(), architecture())
    package = f"@oven/bun-linux-{machine}"
    if machine == "x64" and not _has_avx2():
        package += "-baseline"
    # The checksum of Bun in `packageManager` is ignored, because no tool that writes the checksum states which file it
    # belongs to.
    wanted = replace(wanted, digest=None)
    release = await _release("bun", package, wanted, node, packages)
    folder = await packages.unpacked(release)
    return Manager("bun", release.version, folder, {"bun": "bin/bun", "bunx": "bin/bun"}, native=True)


async def _of_the_registry(
    name: str, package: str, wanted: PackageManager | None, node: Node, packages: Packages
) -> Manager:
    return await _unpacked(name, await _release(name, package, wanted, node, packages), wanted, packages)


async def _release(name: str, package: str, wanted: PackageManager | None, node: Node, packages: Packages) -> Release:
    """Returns the pinned release, or the newest release in the range that supports this Node."""
    version = wanted.version if wanted else None
    if version is not None and _EXACT.fullmatch(version):
        return await packages.registry.exactly(name, package, version)
    releases = await packages.registry.releases(package)
    found = newest_first(name, releases, version or "*")
    # If no release supports this Node, the message of the newest release is the most helpful.
    return releases[next((one for one in found if _runs_on(releases[one], node)), found[0])]


def _runs_on(release: Release, node: Node) -> bool:
    try:
        return release.node is None or is_within(node.version, check_range("Node", release.node))
    except VersionRangeError:
        return False


async def _unpacked(
    name: str,
    release: Release,
    wanted: PackageManager | None,
    packages: Packages,
    prepare: Callable[[Path], None] | None = None,
) -> Manager:
    digest = wanted.digest if wanted else None

    def check(folder: Path, archive: Path) -> None:
        if digest is not None:
            _check_pin(release, digest, folder, archive)
        if prepare is not None:
            prepare(folder)

    folder = await packages.unpacked(release, check, pin=digest)
    return Manager(name, release.version, folder, release.programs)


def _check_pin(release: Release, pin: str, folder: Path, archive: Path) -> None:
    """Verifies the checksum in `packageManager` as Corepack does. For Yarn 2 and later, this is the checksum of the
    program's file. For all other package managers, it is the checksum of the archive."""
    found = _DIGEST.fullmatch(pin)
    if found is None:
        raise ToolIntegrityError(package=str(release), algorithm=pin[:20])
    of = folder / "bin" / "yarn.js" if release.name == _BERRY else archive
    check_digest(str(release), of, found[1], bytes.fromhex(found[2]) if len(found[2]) % 2 == 0 else b"")


def _has_avx2() -> bool:
    try:
        return " avx2 " in f" {Path('/proc/cpuinfo').read_text()} "
    except OSError:
        return False
