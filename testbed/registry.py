"""The package registry in this machine's npm configuration, for builds with packages from it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from easel.builds.toolchains.registries import npm_registry
from easel.errors import EaselError


class RegistryMissingError(Exception):
    """Why nothing can be fetched from the package registry."""


def networks_of_the_registry() -> tuple[str, ...]:
    """The private networks that builds need for the registry: a mirror may be in one, which builds reach only if the
    operator allows it. Raises RegistryMissingError if nothing answers there."""
    try:
        registry = asyncio.run(npm_registry())
    except EaselError as error:
        raise RegistryMissingError(error.message) from error
    parts = urlsplit(registry.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=10) as connection:
            address = ipaddress.ip_address(connection.getpeername()[0])
    except OSError as error:
        raise RegistryMissingError(f"the package registry cannot be reached: {error}") from error
    around = ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False)
    return () if address.is_global else (str(around),)
