"""Rules for the hosts that may be reached, by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from easel.outgoing.errors import HostRuleInvalidError
from easel.settings.forms import HOST_RULE

LONGEST_NAME = 253
"""Maximum number of characters of a host name: RFC 1035 §2.3.4 without the final dot."""
PORTS = frozenset({80, 443})
"""The ports that a rule without a port allows."""


def host_name(text: str) -> str:
    """Returns a normalised host: lower case, without a final dot, and without the brackets of IPv6."""
    return text.lower().removesuffix(".").removeprefix("[").removesuffix("]")


@dataclass(frozen=True)
class HostRules:
    """The hosts that may be reached: `example.com`, `*.example.com` (every name below it) or `*` (every host). A rule
    has a `:port`, or applies to the ports 80 and 443. Raises HostRuleInvalidError for a malformed rule."""

    rules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for rule in self.rules:
            _read(rule)

    @classmethod
    def of(cls, rules: Iterable[str]) -> HostRules:
        """Returns the rules in lower case, without duplicates. Raises HostRuleInvalidError."""
        return cls(tuple(dict.fromkeys(rule.strip().lower() for rule in rules)))

    def also(self, rules: Iterable[str]) -> HostRules:
        """Returns these rules together with additional rules. Raises HostRuleInvalidError."""
        return HostRules.of((*self.rules, *rules))

    def allows(self, host: str, port: int) -> bool:
        """Returns true if these rules allow connections to the host on the port."""
        name = host_name(host)
        if not name or len(name) > LONGEST_NAME:
            return False
        exact, suffixes = self._parsed
        if (name, port) in exact or (port in PORTS and (name, None) in exact):
            return True
        return any(
            name.endswith(suffix) and (port == wanted or (wanted is None and port in PORTS))
            for suffix, wanted in suffixes
        )

    def covers(self, rule: str) -> bool:
        """Returns true if these rules allow everything that another rule allows. Raises HostRuleInvalidError."""
        name, port = _read(rule)
        if not name.startswith("*"):
            return all(self.allows(name, wanted) for wanted in ([port] if port is not None else PORTS))
        _, suffixes = self._parsed
        wanted = {port, None} if port in PORTS else {port}
        return any(name[1:].endswith(suffix) and allowed in wanted for suffix, allowed in suffixes)

    @cached_property
    def _parsed(self) -> tuple[frozenset[tuple[str, int | None]], tuple[tuple[str, int | None], ...]]:
        parsed = [_read(rule) for rule in self.rules]
        exact = frozenset((name, port) for name, port in parsed if not name.startswith("*"))
        return exact, tuple((name[1:], port) for name, port in parsed if name.startswith("*"))


def _read(rule: str) -> tuple[str, int | None]:
    found = HOST_RULE.fullmatch(rule)
    if found is None or int(found["port"] or 1) > 65535:
        raise HostRuleInvalidError(rule=rule[:100])
    return host_name(found["name"]), int(found["port"]) if found["port"] else None
