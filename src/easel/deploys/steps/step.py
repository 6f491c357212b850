"""The interface of a deploy's step, and the values that the steps of one run pass on."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import ClassVar

from easel.bundles.models import Inspection, Manifest, decode_manifest
from easel.deploys.run_row import RunRow
from easel.deploys.smoke import SmokeResult
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.objects import ObjectStore, PinnedUpload
from easel.versions.service import HeldApp


@dataclass(slots=True)
class Run:
    """One run of a deploy: the values that its steps share.

    `row` is the deploy. `app` is the app as it was last read. `before` is the manifest key of the app's latest version.
    Later steps use the results of earlier steps.
    """

    database: Database
    objects: ObjectStore
    settings: Settings
    row: RunRow
    app: HeldApp
    before: str | None
    pinned: PinnedUpload | None = None
    earlier: asyncio.Future[Manifest | None] | None = None
    """The manifest of the app's latest version. It is read while a small bundle is inspected."""
    inspection: Inspection | None = None
    warnings: list[str] = field(default_factory=list)
    ingested: IngestedBundle | None = None
    smoke: SmokeResult | None = None
    held: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Resources that must be released, mainly the private copy of the upload. They are released at the end of the run,
    or when no step needs them any more."""
    is_abandoned: bool = False
    """True if the run has ended, so that its threads should stop, because nobody needs their result."""

    async def manifest(self) -> Manifest:
        """Returns the manifest of the new version, from this run or an earlier run. Raises StoreUnavailableError."""
        if self.ingested is not None:
            return self.ingested.manifest
        assert self.row.deploy.manifest_key is not None
        return decode_manifest(await self.objects.get(self.row.deploy.manifest_key))

    def note_smoke_test(self) -> None:
        """Puts the result of the smoke test into the deploy's row. Does nothing if there is no result. The caller must
        write the row."""
        deploy = self.row.deploy
        if self.smoke is not None and deploy.smoke_test is None:
            deploy.smoke_test = self.smoke.as_json()
            deploy.warnings = [*deploy.warnings, *self.smoke.notes]

    async def abandon(self) -> None:
        """Releases the run's resources. Threads of the run that are still running stop soon."""
        self.is_abandoned = True
        await self.held.aclose()


@dataclass(frozen=True, slots=True)
class IngestedBundle:
    """A bundle that is stored: its manifest, the keys of both objects, and the facts about it that the record step
    writes."""

    manifest: Manifest
    bundle_key: str
    manifest_key: str
    counts: dict[str, int]


class Step(ABC):
    """One step of a deploy. A step has no state, because its results are in the run, and finally in the database."""

    name: ClassVar[str]
    """The step's name for users, in the status and in failures."""

    def deadline(self, settings: Settings) -> float:
        """Returns the timeout of the step in seconds."""
        return settings.step_deadline

    @abstractmethod
    def found(self, run: Run) -> bool:
        """Returns true if an earlier run has already written the step's result, so that the step is skipped."""

    @abstractmethod
    async def run(self, run: Run) -> None:
        """Runs the step. The step may be interrupted anywhere and repeated. Raises EaselError, which ends the deploy.
        Raises ServiceUnavailableError, after which the deploy is retried."""
