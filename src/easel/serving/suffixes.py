"""Determines whether the apps under a domain can set cookies for each other."""

from __future__ import annotations

import ipaddress

_NOT_OF_THE_INTERNET = frozenset({"localhost", "test", "internal", "local", "invalid", "example", "onion", "lan"})
"""Top-level names under which nobody can register a domain: RFC 6761, RFC 6762, RFC 7686, and names reserved for
private use."""


def shares_cookies(domain: str) -> bool:
    """Returns true if apps at `{slug}.DOMAIN` can set cookies for each other. This is possible if the domain is a
    registered name or below one, and is not on the Public Suffix List (with its private section). The list is as of
    this release."""
    name = domain.lower().strip(".").partition(":")[0]
    if not name or name.rpartition(".")[2] in _NOT_OF_THE_INTERNET or name.endswith("home.arpa"):
        return False
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        # Parsing the list takes 50 ms, so it is parsed only for registered domains.
        from publicsuffixlist import PublicSuffixList

        return not PublicSuffixList().is_public(name)
    return False
