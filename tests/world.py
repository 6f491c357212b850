"""The services themselves on a real PostgreSQL and a real folder, without processes around them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from easel.access.secrets import Vault
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.objects import ObjectStore
from easel.storage.queue import Queue
from easel.storage.stores import open_objects
from testbed.databases import Migrated
from testbed.ending import end_database_with_us

T = TypeVar("T")


class World:
    """The real parts, which live as long as the tests run."""

    def __init__(self, folder: Path, migrated: Migrated) -> None:
        self.settings = Settings(data_dir=folder)
        migrated.copy_to(folder / "postgres")
        self.server = EmbeddedPostgres(folder / "postgres")
        self.url = self.server.start()
        end_database_with_us(folder / "postgres")
        self.runner = asyncio.Runner()
        self.objects: ObjectStore = open_objects(None, folder / "objects", folder / "scratch")
        self.database = Database(self.url)
        self.queue = Queue()
        self.vault = Vault("tests")

    def do(self, work: Awaitable[T]) -> T:
        """Runs the coroutine to its end, and returns its result."""

        async def run() -> T:
            return await work

        return self.runner.run(run())

    def close(self) -> None:
        self.do(self.database.close())
        self.runner.close()
        self.server.stop()
