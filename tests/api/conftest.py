"""Shared fixtures of the api's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

import easel.api.application  # noqa: F401 (all tables)
from easel.access.service import create_organisation_with_key
from easel.storage.database import Database
from testbed.running import Platform


@pytest.fixture
async def another(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """Yields a client of another organisation."""
    database = Database(platform.database_url)
    async with database.transaction() as work:
        secret = await create_organisation_with_key(work, "Another")
    await database.close()
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(base_url=platform.api_url, headers=headers, timeout=60, trust_env=False) as client:
        yield client
