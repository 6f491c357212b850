"""Whether browsers let the apps below a domain set cookies for each other."""

from __future__ import annotations

import ipaddress

_NOT_OF_THE_INTERNET = frozenset({"localhost", "test", "internal", "local", "invalid", "example", "onion", "lan"})
"""Last labels of names that no stranger's app is at: RFC 6761, RFC 6762, RFC 7686, and those kept for private use."""


def shares_cookies(domain: str) -> bool:
    """Whether apps at `{slug}.DOMAIN` can set cookies for each other: whether the domain is a registered name, or below
    one, and not itself on the Public Suffix List (its private section included), as it was when this release was made.
    """
    name = domain.lower().strip(".").partition(":")[0]
    if not name or name.rpartition(".")[2] in _NOT_OF_THE_INTERNET or name.endswith("home.arpa"):
        return False
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        # Reading the list takes 50 ms, so it is read for those alone who have such a domain.
        from publicsuffixlist import PublicSuffixList

        return not PublicSuffixList().is_public(name)
    return False
