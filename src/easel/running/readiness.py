"""Asks a server on this machine whether it is ready."""

from __future__ import annotations

import asyncio


async def is_ready(host: str, port: int) -> bool:
    """Returns true if the server at this address reports that it is ready."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            finally:
                writer.close()
    except (OSError, ValueError):
        return False


def reach(host: str) -> str:
    """Returns an address at which this machine can reach a server that listens on `host`. For a wildcard such as
    `0.0.0.0`, this is the machine's own address."""
    if host in ("0.0.0.0", "", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
