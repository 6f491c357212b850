"""Builds the projects in `tests/data/builds` as a builder does, with packages from the registry."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from easel.builds.build import build
from easel.builds.cache.cache import BuildCache
from easel.builds.detect.models import BuildOptions
from easel.builds.report import BuildReport
from easel.builds.sandbox.sandbox import Sandbox
from easel.errors import EaselError
from easel.settings import Settings

PROJECTS = Path(__file__).parents[2] / "data" / "builds"


@dataclass(frozen=True)
class Site:
    """A finished build: the texts of its output by path, its report, and the lines of its log."""

    files: Mapping[str, str]
    report: BuildReport
    log: list[str]

    def text(self, suffix: str) -> str:
        """Returns the content of all files with this suffix, joined."""
        return "\n".join(text for path, text in self.files.items() if path.endswith(suffix))


class Builder:
    """Builds one project after another, in its own data folder."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self.settings = settings
        self.sandbox = Sandbox.find(settings)
        self._count = 0

    def source(self, project: str, changes: Mapping[str, str] | None = None) -> Path:
        """Returns a fresh copy of a project, with other texts at some paths."""
        self._count += 1
        source = self._folder / f"work-{self._count}" / "source"
        shutil.copytree(PROJECTS / project, source)
        for path, text in (changes or {}).items():
            (source / path).write_text(text)
        return source

    def build(
        self,
        project: str,
        changes: Mapping[str, str] | None = None,
        *,
        wanted: BuildOptions | None = None,
        app: str | None = None,
        environment: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        reading: bool = True,
        generation: int = 0,
    ) -> Site:
        """Builds the project. Raises EaselError, with the lines of the log as a note."""
        source = self.source(project, changes)
        cache = BuildCache.of(self.settings, app or f"app_{project}", "production", generation=generation)
        log: list[str] = []
        try:
            made = asyncio.run(
                build(
                    self.sandbox,
                    source,
                    wanted or BuildOptions(),
                    settings=self.settings,
                    cache=replace(cache, reading=reading),
                    environment=environment or {},
                    secrets=secrets,
                    say=log.append,
                )
            )
            files = {
                str(path.relative_to(made.output)): path.read_text(errors="replace")
                for path in sorted(made.output.rglob("*"))
                if path.is_file()
            }
            return Site(files, made.report, log)
        except EaselError as error:
            error.add_note("\n".join(log))
            raise
        finally:
            shutil.rmtree(source.parent, ignore_errors=True)
