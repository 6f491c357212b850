"""Rules for hosts."""

from __future__ import annotations

import pytest

from easel.outgoing.errors import HostRuleInvalidError
from easel.outgoing.hosts import HostRules


@pytest.mark.parametrize(
    ("rule", "allowed", "refused"),
    [
        (
            "example.com",
            ["example.com", "EXAMPLE.com", "example.com.", "example.com:80"],
            ["www.example.com", "example.com:22"],
        ),
        (
            "*.example.com",
            ["a.example.com", "a.b.example.com"],
            ["example.com", "badexample.com", "example.com.evil.net"],
        ),
        ("example.com:8443", ["example.com:8443"], ["example.com", "example.com:80"]),
        ("*", ["anything.net", "127.0.0.1", "[::1]"], ["anything.net:22", ""]),
        ("*:22", ["git.example.com:22"], ["git.example.com"]),
        ("[2001:db8::1]", ["2001:db8::1", "[2001:DB8::1]"], ["2001:db8::2"]),
        ("127.0.0.1:5000", ["127.0.0.1:5000"], ["127.0.0.1", "127.0.0.1.nip.io:5000", "localhost:5000"]),
    ],
)
def test_a_rule_allows_what_it_names(rule: str, allowed: list[str], refused: list[str]) -> None:
    def allows(place: str) -> bool:
        host, colon, port = place.rpartition(":")
        plain = not colon or not port.isdigit() or place.endswith("]") or place.count(":") > 2
        return HostRules((rule,)).allows(place if plain else host, 443 if plain else int(port))

    assert [place for place in allowed if not allows(place)] == []
    assert [place for place in refused if allows(place)] == []


@pytest.mark.parametrize(
    "rule",
    [
        *("", "http://example.com", "example.com/path", "a b", "*.*.com", "example.*", "user@example.com", "-a.com"),
        *("example.com:0", "example.com:70000", "a..b", "x" * 300, "*example.com", "exämple.com", "a.com\nb.com"),
    ],
)
def test_a_rule_that_contains_no_host_is_refused(rule: str) -> None:
    with pytest.raises(HostRuleInvalidError):
        HostRules.of([rule])


def test_rules_add_up_each_once() -> None:
    assert HostRules.of(["A.com"]).also(["a.com", " b.com "]).rules == ("a.com", "b.com")


def test_an_overlong_host_name_is_refused() -> None:
    assert not HostRules(("*",)).allows("a." * 200, 443)


@pytest.mark.parametrize(
    ("rule", "is_covered"),
    [
        *(("a.example.com", True), ("*.a.example.com", True), ("*.example.com", True), ("one.net", True)),
        *(("example.com", False), ("*.com", False), ("*", False), ("*.one.net", False), ("badexample.com", False)),
        *(("a.example.com:443", True), ("a.example.com:22", False), ("*.example.com:443", True), ("two.net", False)),
        *(("two.net:8443", True), ("*.example.com:8443", False)),
    ],
)
def test_rules_cover_those_that_allow_no_more(rule: str, is_covered: bool) -> None:
    assert HostRules(("*.example.com", "one.net", "two.net:8443")).covers(rule) == is_covered
