"""Prepares Git's program for one repository. The program reaches only the host of this repository, and only at allowed
addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from easel.outgoing.addresses import Destinations
from easel.outgoing.errors import DestinationRefusedError, HostUnknownError
from easel.outgoing.hosts import HostRules
from easel.outgoing.proxy import EgressProxy
from easel.repositories.errors import HostPrivateError, HostUnresolvedError, PlainHttpError
from easel.repositories.fetch.models import Remote
from easel.repositories.fetch.program import Git, environment_for, find_git

_SETTING: Final = "the address that was connected"


@asynccontextmanager
async def git_for(remote: Remote, private: Path, destinations: Destinations, most_bytes: int) -> AsyncIterator[Git]:
    """Yields Git's program for the duration of the block. `private` is a folder that only this user can read.
    `most_bytes` is the maximum number of bytes of a fetch. Raises GitMissingError, SshMissingError, HostPrivateError,
    HostUnresolvedError, PlainHttpError."""
    program = find_git()
    await _require_allowed(remote, destinations)
    proxy = EgressProxy(destinations, HostRules.of([f"{remote.url.authority}:{remote.url.port}"]), setting=_SETTING)
    async with proxy.on_loopback() as address:
        yield Git(program, private / "git", environment_for(remote, address, private), most_bytes)


async def _require_allowed(remote: Remote, destinations: Destinations) -> None:
    """Refuses a host that the proxy would refuse, early and with a clear message. Raises HostPrivateError,
    HostUnresolvedError, PlainHttpError."""
    host = remote.url.host
    try:
        addresses = await destinations.resolve(host, remote.url.port)
    except DestinationRefusedError:
        raise HostPrivateError(host=host) from None
    except HostUnknownError:
        raise HostUnresolvedError(host=host) from None
    if remote.url.scheme == "http":
        public = Destinations()
        if any(public.allows(address) for address in addresses):
            raise PlainHttpError()
