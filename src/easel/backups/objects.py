"""Checks of objects that backup, restore and audit share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from easel.storage.object_names import hash_in, names_its_content, names_variants

T = TypeVar("T")

AT_ONCE = 4
"""Number of objects that are read at the same time: enough to keep a bucket busy, and few enough not to disturb a
running Easel."""
MISSING = "is missing"
CHANGED = "does not match the hash in its name"
MISNAMED = "does not have the form of a key that Easel uses for objects"


def is_named(key: str) -> bool:
    """Returns true if the key has the form of the key of a version's object (bundle, manifest, sources or variants)."""
    return names_its_content(key) or names_variants(key)


def has_changed(key: str, sha256: str) -> bool:
    """Returns true if an object whose key contains a hash no longer has this hash. `sha256` (hex) is the hash of its
    bytes."""
    return names_its_content(key) and sha256 != hash_in(key)


async def each(what: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Calls `work` for each item of `what`. A few calls run at the same time. After the first error, starts no further
    calls, and raises the error."""
    left = iter(what)

    async def some() -> None:
        for one in left:
            await work(one)

    tasks = [asyncio.create_task(some()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
