"""A release that does not know a condition of a stored rule leaves the rule out, and keeps it for other releases."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from easel.bundles.models import Manifest, decode_manifest
from easel.rules.models import Condition, HeaderBlock, Redirect, Rules

_COOKIE = (Condition("cookie", "beta", "1"),)
PLAIN = Redirect(1, "/a", "/b", 301)
LIMITED = (
    Redirect(2, "/b/:x", "/c", 302, only=(("x", "[0-9]+"),)),
    Redirect(3, "/*", "/d", 302, excepts=("/api/*",)),
    Redirect(4, "/e", "/f", 302, conditions=_COOKIE),
    Redirect(5, "/g", "/h", 302, absent=(("query", "x"),)),
)
GUARDS = (
    Redirect(6, "/secret/*", "/404.html", 404, forced=True, excepts=("/secret/x",)),
    Redirect(7, "/private", "/login", 307, forced=True, conditions=(Condition("cookie", "token", "", True),)),
)
BLOCKS = (
    HeaderBlock(1, "/*", (("X-A", "1"),)),
    HeaderBlock(2, "/b/*", (("X-B", "1"),), conditions=_COOKIE, strict=True),
    HeaderBlock(3, "/c/*", (("X-C", "1"),), excepts=("/c/x",)),
    HeaderBlock(4, "/d/*", (("X-D", "1"),)),
)
RULES = Rules("netlify", redirects=(LIMITED[0], PLAIN, *LIMITED[1:], *GUARDS), headers=BLOCKS)


def stored(rules: Rules) -> dict[str, Any]:
    """Returns the rules as the manifest has them."""
    found: dict[str, Any] = msgspec.json.decode(Manifest([], {}, rules=rules).encode())["rules"]
    return found


def read(rules: dict[str, Any]) -> Rules:
    """Returns the rules of a manifest with these stored rules."""
    found = decode_manifest(msgspec.json.encode({"bundles": [], "files": {}, "rules": rules})).rules
    assert found is not None
    return found


def test_stored_rules_are_read_as_they_were() -> None:
    assert read(stored(RULES)) == RULES


def test_a_rule_with_conditions_is_stored_apart_and_a_guard_is_not() -> None:
    kept = stored(RULES)
    assert [line[0] for line in kept["redirects"]] == [PLAIN.line, *(line.line for line in GUARDS)]
    assert [block[0] for block in kept["headers"]] == [1, 4]
    assert [sorted(one) for one in kept["limited"]] == [["at", "redirect"]] * 4 + [["at", "header"]] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"weekdays": ["monday"]},
        {"conditions": [["body", "x", "1"]]},
        {"conditions": [["cookie", "x", "1", False, "newer"]]},
        {"status": "moved"},
    ],
)
def test_a_rule_of_a_newer_release_is_left_out_and_kept(change: dict[str, Any]) -> None:
    kept = stored(RULES)
    kept["limited"][2]["redirect"] |= change
    kept["limited"][4]["header"] |= change if "status" not in change else {"path": 7}
    rules = read(kept)
    assert rules.redirects == tuple(line for line in RULES.redirects if line != LIMITED[2])
    assert rules.headers == (BLOCKS[0], *BLOCKS[2:])
    assert [(note.file, note.line) for note in rules.notes] == [("_redirects", 4), ("_headers", 2)]
    # A process of this release that writes the manifest again keeps the unknown rules at their places.
    again = stored(msgspec.structs.replace(rules, notes=()))
    assert sorted(again["limited"], key=str) == sorted(kept["limited"], key=str)
    assert again["redirects"] == kept["redirects"]


def test_an_unknown_condition_of_a_guard_is_ignored_so_that_it_hides_more() -> None:
    kept = stored(RULES)
    # The second guard has all fields that this release knows.
    kept["redirects"][-1].append({"weekdays": ["monday"]})
    assert read(kept).redirects[-2:] == GUARDS


def test_rules_that_were_stored_before_are_still_read() -> None:
    line = [2, "/b/:x", "/c", 302, False, "", [], [], [], [], "vercel.json", [], [["x", "[0-9]+"]]]
    (redirect,) = read({"dialect": "netlify", "redirects": [line]}).redirects
    assert redirect.only == (("x", "[0-9]+"),)
