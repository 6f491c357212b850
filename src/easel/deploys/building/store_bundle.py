"""Packs the output of a build into a bundle (a zip), and stores the bundle."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from easel.builds.pack import PackedOutput, pack
from easel.builds.report import BuildReport
from easel.bundles.models import Limits
from easel.deploys.building.parts import BuilderServices
from easel.deploys.deploy_row import DeployRow
from easel.ids import new_secret
from easel.settings import Settings
from easel.storage.object_names import upload_key
from easel.storage.translation import translated
from easel.uploads.errors import BundleTooLargeError
from easel.uploads.service import add_internal

NAME = "bundle.zip"


def limits_of(settings: Settings) -> Limits:
    """Returns the limits of a build's source and of its output. They are the same as the limits of an uploaded
    bundle."""
    return Limits(
        max_files=settings.max_files, max_file_size=settings.max_file_size, max_total_size=settings.max_total_size
    )


async def packed(settings: Settings, source: Path, output: Path, to: Path) -> PackedOutput:
    """Packs the folder `output` of a build into a zip at the path `to`. Raises the errors of `pack`, and
    BundleTooLargeError."""
    made = await asyncio.to_thread(pack, source, output, to, limits_of(settings))
    if made.size > settings.max_upload_size:
        raise BundleTooLargeError(limit=settings.max_upload_size)
    return made


async def store(parts: BuilderServices, deploy: DeployRow, bundle: Path, size: int) -> str:
    """Stores the deploy's bundle and returns its key in the object store. Raises StorageFullError,
    StoreUnavailableError, and database errors."""
    key = upload_key(deploy.app_id, new_secret(), NAME)
    with translated(key):
        parts.objects.reserve.require(size)
    # The row is written first, because an object without a row would never be removed.
    async with parts.database.transaction() as work:
        await add_internal(work, key, deploy.app_id, deploy.org_id, size)
    await parts.objects.put_file(key, bundle)
    return key


def log_line(made: PackedOutput) -> str:
    """Returns the line of the build's log about the packed bundle."""
    return f"Packed {made.files} file{'s' if made.files != 1 else ''}, {decimal(made.bytes)}, as {decimal(made.size)}"


def report_of(report: BuildReport) -> dict[str, Any]:
    """Returns the report of a build in the form in which the deploy's row stores it (`schemas.BuildReport`). The copy
    does not change while the build continues."""
    return {
        "sandbox": report.sandbox,
        "framework": report.framework,
        "package_manager": report.package_manager,
        "node": report.node,
        "python": report.python,
        "cache": report.cache,
        "seconds": dict(report.seconds),
        "refused_hosts": list(report.refused_hosts),
    }
