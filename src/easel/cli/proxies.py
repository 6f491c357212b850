"""Reads the proxy for an address from the environment's variables, as other programs do."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from easel.cli.credentials import is_loopback
from easel.cli.errors import ProxyUnusableError

_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy: its address without user name and password, the `headers` with these credentials, and the variable that
    sets the proxy."""

    address: str
    headers: dict[str, str]
    variable: str


def proxy_for(url: str) -> Proxy | None:
    """Returns the proxy for requests to `url`, or None. Proxies apply only to other machines. Raises
    ProxyUnusableError."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme, 0)
    if is_loopback(host) or _is_excepted(host, port) or proxy_bypass(host):
        return None
    proxies = getproxies()
    for name in (parts.scheme, "all"):
        if text := proxies.get(name, "").strip():
            return _read(text, _variable(name), host)
    return None


def _is_excepted(host: str, port: int) -> bool:
    """Returns true if NO_PROXY contains the host: by name, by a parent domain, with a port, as an address or as a
    network."""
    text = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return any(_names(entry.lower(), host.lower(), port) for entry in text.replace(",", " ").split())


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass  # The host or the entry is a name, or the entry has a port.
    name, colon, of_port = entry.rpartition(":")
    if colon and of_port.isdigit():
        return int(of_port) == port and _names(name, host, port)
    domain = entry.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _read(text: str, variable: str, host: str) -> Proxy:
    address = text if "://" in text else f"http://{text.removeprefix('//')}"
    scheme, _, rest = address.partition("://")
    # A password may contain characters that end the host in other URLs.
    user, at, place = rest.rpartition("@")
    scheme, place = scheme.lower(), place.split("/", 1)[0]
    if scheme.startswith("socks"):
        reason = f"it is a proxy for {scheme}, but `easel` supports only http and https proxies"
        raise ProxyUnusableError(variable=variable, reason=reason, host=host)
    if scheme not in _PORTS or not _is_address(place):
        raise ProxyUnusableError(variable=variable, reason="it is not an address like http://HOST:PORT", host=host)
    headers = {}
    if at:
        login = unquote(user) if ":" in user else f"{unquote(user)}:"
        headers["proxy-authorization"] = f"Basic {b64encode(login.encode('utf-8', 'replace')).decode()}"
    return Proxy(f"{scheme}://{place}", headers, variable)


def _is_address(place: str) -> bool:
    try:
        parts = SplitResult("http", place, "", "", "")
        is_whole = place.startswith("[") == ("]" in place) and "[" not in place[1:]
        return (
            is_whole
            and bool(parts.hostname)
            and parts.port != 0
            and place.isprintable()
            and not set(place) & set(" #?\\")
        )
    except ValueError:
        return False


def _variable(name: str) -> str:
    """Returns the variable in the spelling of this environment. If the proxy comes from the system's settings, returns
    the variable that overrides them."""
    lower = f"{name}_proxy"
    return lower if os.environ.get(lower) else lower.upper()
