"""The addresses to which Easel connects for its users: public addresses, and private networks that the operator allows.

A name is resolved once, every address in the DNS response is checked, and the connection goes to a checked address.
Thus, a name that resolves differently a moment later (DNS rebinding) has no effect.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Self

from easel.outgoing.errors import DestinationRefusedError, HostUnknownError, HostUnreachableError
from easel.outgoing.hosts import LONGEST_NAME, host_name
from easel.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_ADDRESSES = 16
"""Maximum number of addresses of a host. A name with more addresses is refused."""
RESOLVE_TIMEOUT = 10.0
CONNECT_TIMEOUT = 10.0
"""Timeout for connecting to each address, in seconds."""
_LOOK_UPS = ThreadPoolExecutor(8, "look-up")
"""Threads that look up host names. They are separate from other threads, because a name server that does not respond
keeps a thread busy for longer than Easel waits."""

# Networks in IANA's special-purpose registries (RFC 6890) on which releases of Python disagree. An IPv6 address that
# contains an IPv4 address is always refused, because a translator on the way would connect to the IPv4 address.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


@dataclass(frozen=True, slots=True)
class Destinations:
    """The allowed addresses: public addresses, and the addresses in `private_networks`."""

    private_networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the allowed destinations, with the private networks in the settings."""
        return cls(tuple(ipaddress.ip_network(network) for network in settings.private_networks))

    def allows(self, address: Address) -> bool:
        """Returns true if connections to the address are allowed."""
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        # The kernel connects to an IPv4-mapped address (`::ffff:192.0.2.1`) as to the IPv4 address in it, so the rules
        # for that address apply.
        judged = mapped or address
        if any(judged.version == network.version and judged in network for network in self.private_networks):
            return True
        if mapped is not None or not judged.is_global or judged.is_multicast:
            return False
        return not any(judged.version == network.version and judged in network for network in _REFUSED)

    async def resolve(self, host: str, port: int) -> tuple[Address, ...]:
        """Returns the checked addresses of the host. Raises HostUnknownError. Raises DestinationRefusedError if one of
        the addresses is not allowed."""
        name = host_name(host)
        if not name or len(name) > LONGEST_NAME:
            raise HostUnknownError(host=host[:40], reason="it is not a host name")
        found = await _look_up(name, port)
        for address in found:
            if not self.allows(address):
                raise DestinationRefusedError(host=host, address=str(address))
        return found

    async def connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Returns a connection to the first of the host's checked addresses that accepts a connection. Raises
        DestinationRefusedError, HostUnknownError, HostUnreachableError."""
        reason = "it has no address"
        for address in await self.resolve(host, port):
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    return await asyncio.open_connection(str(address), port)
            except TimeoutError:
                reason = f"the host did not respond within {CONNECT_TIMEOUT:.0f} seconds"
            except OSError as error:
                reason = error.strerror or str(error)
        raise HostUnreachableError(host=host, port=port, reason=reason)


async def _look_up(name: str, port: int) -> tuple[Address, ...]:
    try:
        return (_without_scope(ipaddress.ip_address(name)),)
    except ValueError:
        pass
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT):
            look_up = partial(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM)
            answers = await asyncio.get_running_loop().run_in_executor(_LOOK_UPS, look_up)
    except TimeoutError as error:
        raise HostUnknownError(
            host=name, reason=f"the look-up took longer than {RESOLVE_TIMEOUT:.0f} seconds"
        ) from error
    except (OSError, UnicodeError) as error:
        raise HostUnknownError(host=name, reason=getattr(error, "strerror", None) or "it is not a host name") from error
    found = tuple(dict.fromkeys(_without_scope(ipaddress.ip_address(answer[4][0])) for answer in answers))
    if not found or len(found) > MOST_ADDRESSES:
        raise HostUnknownError(host=name, reason=f"it has {len(found)} addresses")
    return found


def _without_scope(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return ipaddress.IPv6Address(int(address))
    return address
