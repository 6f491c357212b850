"""The folders that a build takes over from the last build of its app and environment, and leaves to the next build."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from easel.builds.cache.cache import MOST_ENTRIES, BuildCache, place_below
from easel.builds.cache.folders import copy_folder, remove_folder
from easel.builds.cache.keys import DEEPEST, Dependencies, dependencies_of, modules_of, walk
from easel.builds.cache.states import TreeState
from easel.builds.detect.models import Plan
from easel.builds.report import BuildReport
from easel.builds.sandbox.command import Mount
from easel.builds.toolchains.python import ENVIRONMENT, move_programs
from easel.builds.toolchains.toolchain import DOWNLOADS, Toolchain
from easel.builds.tree import joined

_log = logging.getLogger(__name__)

_DOWNLOADS = "downloads"
_VENV = "venv"
_REMOVES_MODULES = ("npm", "ci")
"""The first words of an install command that removes `node_modules` first."""
_OF_TOOLS = (".cache", ".vite", ".vite-temp")
"""Folders in `node_modules` that tools write during a build. They hold no dependency, so they may change or be
missing."""


class Reuse:
    """The reused folders of one build: dependencies (`node_modules`), downloads of package managers, and caches of
    frameworks.

    Dependencies are cached by lock file and toolchain. If the install command does nothing but install dependencies,
    the cached dependencies replace it. A build takes the dependencies out of the cache. A successful build puts them
    back if no dependency is missing, and a failed build puts them back if it changed no dependency. Downloads are
    cached too, so that an install after a change of the lock file is faster.
    """

    def __init__(
        self,
        cache: BuildCache,
        plan: Plan,
        tools: Toolchain,
        source: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._cache = cache
        self._plan = plan
        self._tools = tools
        self._source = source
        self._beside = source.with_name(f"{source.name}.build")
        self._environment = environment
        self._say = say
        self._dependencies = Dependencies(None, runs_scripts=True)
        self._is_installed = False
        self._modules: tuple[str, ...] = ()
        self._state: TreeState | None = None

    async def __aenter__(self) -> Self:
        await remove_folder(self._beside)
        self._beside.mkdir(mode=0o711)
        return self

    async def __aexit__(self, _: object, failure: BaseException | None, __: object) -> None:
        if failure is not None and self._state is not None:
            await self._put_back()
        await remove_folder(self._beside)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Returns the folders next to the sources that the build may write: the package managers' downloads and
        Python's virtual environment."""
        return tuple(mount.source for mount in self.mounts)

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """Returns the same folders as `folders`, each with its place in the sandbox."""
        downloads = Mount(self._beside / _DOWNLOADS, DOWNLOADS, writable=True)
        if self._tools.venv is None:
            return (downloads,)
        return (downloads, Mount(self._beside / _VENV, ENVIRONMENT, writable=True))

    async def restore(self, report: BuildReport) -> bool:
        """Prepares Python's virtual environment, and restores the folders of earlier builds from the cache. Returns
        true if the dependencies are complete, so that an install would do nothing."""
        if self._tools.venv is not None:
            await copy_folder(self._tools.venv.folder, self._beside / _VENV)
            if report.sandbox == "unsandboxed":
                await asyncio.to_thread(move_programs, self._beside / _VENV, self._tools.venv.place)
        if not self._cache.reading:
            report.cache = "off"
            self._say("Cache: not used, because this deploy has the option `--no-cache`.")
        try:
            await self._restore(report)
        except OSError:
            # The error contains paths of this machine, which users must not see.
            _log.warning("The cache of a build could not be read", exc_info=True)
            report.cache = "cold"
            self._is_installed = False
            self._say("Warning: the cache of the last build could not be read, so this build runs without a cache.")
        (self._beside / _DOWNLOADS).mkdir(mode=0o700, exist_ok=True)
        return self._is_installed

    async def _restore(self, report: BuildReport) -> None:
        plan = self._plan
        if not plan.install:
            return
        self._dependencies = await asyncio.to_thread(
            dependencies_of, self._source, plan, self._tools.key, self._environment
        )
        if await self._restore_dependencies():
            report.cache = "warm"
            self._is_installed = not self._dependencies.runs_scripts
            self._say(
                "Cache: uses the dependencies of an earlier build, because lock file and tools are the same; "
                + (
                    "no install is needed."
                    if self._is_installed
                    else "the install runs only for the project's own scripts."
                )
            )
        if not self._is_installed and await self._cache.restore("downloads", self._downloads_key, self._beside):
            report.cache = "warm"
            self._say("Cache: uses the package manager's downloads from earlier builds.")

    async def _restore_dependencies(self) -> bool:
        key = self._dependencies_key
        return key is not None and bool(await self._cache.restore("dependencies", key, self._source, move=True))

    @property
    def _dependencies_key(self) -> str | None:
        install, found = self._plan.install, self._dependencies
        # A project's own command may do anything. Restored dependencies are useless for a command that removes them
        # first.
        if not isinstance(install, tuple) or (found.runs_scripts and install[:2] == _REMOVES_MODULES):
            return None
        return found.key

    async def note(self) -> None:
        """Records the state of the dependencies before the first command after the install, so that changes by the
        build can be detected."""
        if self._dependencies_key is None:
            return
        try:
            self._modules = await asyncio.to_thread(modules_of, self._source)
            self._state = await self._look()
        except OSError:
            _log.warning("The state of a build's dependencies could not be read", exc_info=True)

    async def _look(self) -> TreeState | None:
        if not self._modules:
            return None
        return await TreeState.of(self._source, self._modules, self._of_tools, MOST_ENTRIES)

    @property
    def _of_tools(self) -> tuple[str, ...]:
        caches = (joined(self._plan.root, path) for path in self._plan.caches)
        return (*(f"{path}/{name}" for path in self._modules for name in _OF_TOOLS), *caches)

    async def _put_back(self) -> None:
        """Saves the dependencies of a failed build if the build changed none of them."""
        key = self._dependencies_key
        try:
            if key and await self._look() == self._state:
                for path in self._of_tools:
                    # The build may have put a link into this path.
                    if (place := place_below(self._source, path)) is not None:
                        await remove_folder(place)
                await self._cache.keep("dependencies", key, self._source, self._modules)
                await self._cache.shrink()
        except OSError:
            _log.warning("The dependencies of a failed build could not be saved", exc_info=True)

    async def restore_caches(self) -> tuple[Path, ...]:
        """Restores the caches of frameworks, which an install may have removed. Returns the created folders."""
        if not self._plan.caches:
            return ()
        places = {path: _first_missing(self._source, joined(self._plan.root, path)) for path in self._plan.caches}
        try:
            paths = await self._cache.restore("framework", self._framework_key, self._source)
        except OSError:
            _log.warning("The cache of a framework could not be read", exc_info=True)
            self._say("Warning: the framework's cache from the last build could not be read.")
            return ()
        if paths:
            self._say(f"Cache: uses {', '.join(paths)} from the last build.")
        return tuple(place for path, place in places.items() if joined(self._plan.root, path) in paths)

    async def keep(self, output: Path) -> None:
        """Saves the folders of a successful build for the next build. Copies folders that the output may link to, and
        moves all other folders."""
        plan, cache = self._plan, self._cache
        is_apart = await asyncio.to_thread(self._is_apart, output)
        try:
            if plan.caches:
                paths = tuple(joined(plan.root, path) for path in plan.caches)
                await cache.keep("framework", self._framework_key, self._source, paths, move=is_apart)
            key, state = self._dependencies_key, self._state
            # A build may remove its own tools (`npm prune`). The next build then installs them again.
            if key and state is not None and (left := await self._look()) is not None and state.is_part_of(left):
                await cache.keep("dependencies", key, self._source, self._modules, move=is_apart)
            if plan.install and not self._is_installed:
                await cache.keep("downloads", self._downloads_key, self._beside, (_DOWNLOADS,))
            await cache.shrink()
        except OSError:
            _log.warning("The cache of a build could not be saved", exc_info=True)

    def _is_apart(self, output: Path) -> bool:
        """Returns true if the output contains no link and none of the cached folders."""
        kept = ("node_modules", *self._plan.caches)
        for path, folders, others in walk(output):
            if any(joined(path, name).endswith(kept) for name in folders):
                return False
            if path.count("/") >= DEEPEST or any(os.path.islink(output / path / name) for name in others):
                return False
        return True

    @property
    def _downloads_key(self) -> str:
        manager = (self._tools.package_manager or "").partition(".")[0]
        return f"{manager} python {self._tools.python}"

    @property
    def _framework_key(self) -> str:
        return f"{self._plan.framework} {self._plan.root} {self._tools.key} {self._dependencies.key}"


def _first_missing(folder: Path, path: str) -> Path:
    """Returns the topmost missing part of a path below a folder. Returns the path itself if nothing is missing."""
    place = folder
    for part in path.split("/"):
        place /= part
        if not os.path.lexists(place):
            return place
    return place
