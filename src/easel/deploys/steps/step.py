"""What a step of a deploy is, and what the steps of one run hand on to each other."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import ClassVar

from easel.bundles.models import Inspection, Manifest, Member, decode_manifest
from easel.deploys.run_row import RunRow
from easel.deploys.smoke import SmokeResult
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.objects import ObjectStore, Pinned
from easel.versions.service import HeldApp


@dataclass(slots=True)
class Run:
    """One run of a deploy, as its steps find it and leave it: `row` is the deploy, `app` as it was read last, `before`
    the key of the manifest of the app's latest version. What one step makes, the later ones take."""

    database: Database
    objects: ObjectStore
    settings: Settings
    row: RunRow
    app: HeldApp
    before: str | None
    pinned: Pinned | None = None
    earlier: asyncio.Future[dict[str, Member]] | None = None
    """The files of the app's latest version, which are read while the bundle is inspected."""
    inspection: Inspection | None = None
    warnings: list[str] = field(default_factory=list)
    ingested: Ingested | None = None
    smoke: SmokeResult | None = None
    held: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What is given back when nothing needs it any more, or the run ends: the pinned copy above all."""
    is_abandoned: bool = False
    """Whether nobody waits any more for what a thread of this run is still doing."""

    async def manifest(self) -> Manifest:
        """The manifest of the new version, made by this run or by an earlier one. Raises StoreUnavailableError."""
        if self.ingested is not None:
            return self.ingested.manifest
        assert self.row.deploy.manifest_key is not None
        return decode_manifest(await self.objects.get(self.row.deploy.manifest_key))

    def note_smoke_test(self) -> None:
        """Enters the result of the smoke test, if it was made, into the deploy's row, which the caller writes."""
        deploy = self.row.deploy
        if self.smoke is not None and deploy.smoke_test is None:
            deploy.smoke_test = self.smoke.as_json()
            deploy.warnings = [*deploy.warnings, *self.smoke.notes]

    async def abandon(self) -> None:
        """Gives back what is still held; threads that go on by themselves stop soon."""
        self.is_abandoned = True
        await self.held.aclose()


@dataclass(frozen=True, slots=True)
class Ingested:
    """What was made of the bundle and where it is stored, until the record step writes it down."""

    manifest: Manifest
    bundle_key: str
    manifest_key: str
    counts: dict[str, int]


class Step(ABC):
    """One step of a deploy. It has no state of its own: what it makes is in the run, and in the end in the records."""

    name: ClassVar[str]
    """What users read where a deploy is in this step, or failed in it."""

    def deadline(self, settings: Settings) -> float:
        """Seconds after which the step has failed."""
        return settings.step_deadline

    @abstractmethod
    def found(self, run: Run) -> bool:
        """Whether the records have the step's result from an earlier run: then it is not run again."""

    @abstractmethod
    async def run(self, run: Run) -> None:
        """Does it, so that it may break off anywhere and be done again.

        Raises EaselError, which ends the deploy, and ServiceUnavailableError, after which it is run again.
        """
