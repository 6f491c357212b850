"""The services of the platform that a builder uses."""

from __future__ import annotations

from dataclasses import dataclass

from easel.access.secrets import Vault
from easel.deploys.building.folders import WorkFolder
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class BuilderServices:
    """The services that all builds of a builder share."""

    database: Database
    objects: ObjectStore
    settings: Settings
    vault: Vault
    work: WorkFolder
