"""Listens on a port of this machine, and names the errors."""

from __future__ import annotations

import errno
import socket

from easel.errors import EaselError


class PortTakenError(EaselError):
    """Another program listens on {host}:{port} ({reason}). Stop it, or choose another port with `{option}`."""

    code = "port_taken"


class AddressNotHereError(EaselError):
    """{host} is not an address of this machine. Set EASEL_API_HOST, EASEL_EDGE_HOST or EASEL_METRICS_HOST to one of
    its addresses."""

    code = "address_not_here"


def not_bound(host: str, port: int, option: str, error: OSError) -> EaselError:
    """The error that explains why the port is not available; `option` is the setting that names it."""
    if error.errno == errno.EADDRNOTAVAIL:
        return AddressNotHereError(host=host)
    return PortTakenError(host=host, port=port, option=option, reason=error.strerror or str(error))


def bind(host: str, port: int, *, shared: bool = False, option: str = "--api-port, --edge-port") -> socket.socket:
    """A listening socket; `shared` lets several processes share the port. Raises PortTakenError, AddressNotHereError.

    Sharing is never the default: the system would silently hand one Easel's requests to another.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared and hasattr(socket, "SO_REUSEPORT"):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise not_bound(host, port, option, error) from None
    bound.setblocking(False)
    return bound
