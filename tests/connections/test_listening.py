"""Listening: the sockets of api and edge."""

from __future__ import annotations

import socket

import pytest

from easel.connections.listening import AddressNotHereError, PortTakenError, bind


def congestion_control(of: socket.socket) -> bytes:
    return of.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="only Linux chooses a congestion control by socket")
def test_a_proxy_on_this_machine_gets_responses_without_pacing() -> None:
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        listening.setblocking(True)
        accepted, _ = listening.accept()
        with accepted:
            assert congestion_control(accepted) == b"reno"


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="only Linux chooses a congestion control by socket")
def test_clients_of_other_networks_get_the_machines_default_congestion_control() -> None:
    with bind("0.0.0.0", 0) as listening, socket.socket() as usual:
        assert congestion_control(listening) == congestion_control(usual)


def test_a_taken_port_and_an_address_of_another_machine_are_named() -> None:
    with bind("127.0.0.1", 0) as first:
        with pytest.raises(PortTakenError, match=str(first.getsockname()[1])):
            bind("127.0.0.1", first.getsockname()[1])
        with pytest.raises(AddressNotHereError, match=r"192\.0\.2\.1"):
            bind("192.0.2.1", 0)
