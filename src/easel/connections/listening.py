"""Listens on a port of this machine, and explains errors."""

from __future__ import annotations

import errno
import ipaddress
import socket
from contextlib import suppress

from easel.errors import EaselError


class PortTakenError(EaselError):
    """Another program is listening on {host}:{port} ({reason}). Stop that program, or choose another port with
    `{option}`."""

    code = "port_taken"


class AddressNotHereError(EaselError):
    """{host} is not an address of this machine. Set EASEL_API_HOST, EASEL_EDGE_HOST or EASEL_METRICS_HOST to one of
    its addresses."""

    code = "address_not_here"


def not_bound(host: str, port: int, option: str, error: OSError) -> EaselError:
    """Returns the error that explains why the port is not available. `option` is the setting of the port."""
    if error.errno == errno.EADDRNOTAVAIL:
        return AddressNotHereError(host=host)
    return PortTakenError(host=host, port=port, option=option, reason=error.strerror or str(error))


def bind(host: str, port: int, *, shared: bool = False, option: str = "--api-port, --edge-port") -> socket.socket:
    """Returns a listening socket. `shared` lets several processes share the port. Raises PortTakenError,
    AddressNotHereError.

    Sharing is never the default, because the system would silently pass one Easel's requests to another Easel.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared and hasattr(socket, "SO_REUSEPORT"):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
        _without_pacing(bound)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise not_bound(host, port, option, error) from None
    bound.setblocking(False)
    return bound


def _without_pacing(bound: socket.socket) -> None:
    """Turns BBR's pacing off for the connections of a loopback address, such as connections from a proxy on this
    machine.

    Loopback has no congestion, and each pause of the pacing costs a timer and a wake-up. Reno, which paces nothing, is
    the only algorithm that every Linux allows to every user (tcp(7)).
    """
    if hasattr(socket, "TCP_CONGESTION") and ipaddress.ip_address(bound.getsockname()[0]).is_loopback:
        with suppress(OSError):
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
