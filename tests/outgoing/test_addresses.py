"""Easel connects only to public addresses for its users."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from easel.outgoing.addresses import Destinations
from easel.outgoing.errors import DestinationRefusedError, HostUnknownError, HostUnreachableError
from easel.settings import Settings

PUBLIC = "1.1.1.1 8.8.8.8 2606:4700::1111 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 192.0.3.1 169.253.0.1 11.0.0.1"
PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1 169.254.169.254 172.16.0.1 172.31.255.255
192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
239.1.2.3 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:7f00:1
64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2001:20::1 2002:7f00:1::1 3fff::1 5f00::1
fc00::1 fd12:3456::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
"""


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_addresses_are_allowed(address: str) -> None:
    assert Destinations().allows(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PRIVATE.split())
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not Destinations().allows(ipaddress.ip_address(address))


def test_private_networks_are_allowed_by_the_setting_and_no_others() -> None:
    allowed = Destinations.of(Settings(private_networks="10.0.0.0/8, fd00::/8"))
    assert all(allowed.allows(ipaddress.ip_address(a)) for a in ("10.9.8.7", "fd00::1", "::ffff:10.9.8.7", "1.1.1.1"))
    assert not any(allowed.allows(ipaddress.ip_address(a)) for a in ("127.0.0.1", "fc00::1", "::ffff:127.0.0.1"))


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "ten", "10.0.0.0/33", "example.com"])
def test_an_invalid_network_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValueError, match="write networks like"):
        Settings(private_networks=wrong)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST.", "[::1]", "::1%lo", "0"],
)
async def test_every_spelling_of_an_address_is_judged_as_the_address(host: str) -> None:
    with pytest.raises((DestinationRefusedError, HostUnknownError)):
        await Destinations().connect(host, 80)


@pytest.mark.parametrize("host", ["", "no-such-host.invalid", "a" * 300, "a..b", "\udcff", "x\x00y", "-"])
async def test_a_host_without_an_address_is_unknown(host: str) -> None:
    with pytest.raises(HostUnknownError):
        await Destinations().connect(host, 80)


def answers(monkeypatch: pytest.MonkeyPatch, *rounds: list[str]) -> list[str]:
    """Makes names resolve to these addresses, one round after another. Returns the resolved names."""
    asked: list[str] = []

    def look_up(name: str, port: int, **how: Any) -> list[Any]:
        asked.append(name)
        found = rounds[min(len(asked), len(rounds)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


async def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(DestinationRefusedError, match=r"10\.0\.0\.1.*EASEL_PRIVATE_NETWORKS"):
        await Destinations().resolve("rebound.example.com", 443)


async def test_a_name_is_resolved_once_and_the_checked_address_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """With DNS rebinding, the second response would be a private address."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asked = answers(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    allowed = Destinations((ipaddress.ip_network("127.0.0.1/32"),))
    _, writer = await allowed.connect("rebound.example.com", port)
    assert asked == ["rebound.example.com"]
    assert writer.get_extra_info("peername")[0] == "127.0.0.1"
    writer.close()
    with pytest.raises(DestinationRefusedError):
        await allowed.connect("rebound.example.com", port)
    server.close()


async def test_a_closed_port_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(HostUnreachableError, match=f"does not accept connections on port {port}"):
        await Destinations((ipaddress.ip_network("127.0.0.0/8"),)).connect("127.0.0.1", port)


async def test_a_name_with_hundreds_of_addresses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, [f"1.1.1.{n}" for n in range(200)])
    with pytest.raises(HostUnknownError):
        await Destinations().resolve("many.example.com", 443)
