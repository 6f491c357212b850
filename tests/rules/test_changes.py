"""Changed rules are shown rule by rule."""

from __future__ import annotations

from easel.rules.changes import changes
from easel.rules.models import Rules
from easel.rules.read import read_rules


def rules(redirects: str, headers: str = "") -> Rules | None:
    return read_rules({"_redirects": redirects.encode(), "_headers": headers.encode()})


def test_a_changed_line_is_a_changed_rule_and_a_moved_line_is_not() -> None:
    old = rules("/a /b\n/gone /x 302!\n/c id=:id /d", "/*\n  X-A: 1\n  X-B: 1")
    new = rules("/c id=:id /d\n/a /b 302\n/new /y Language=fr", "/*\n  X-A: 2\n  X-B: 1")
    assert [(one.kind, one.status, one.source, one.old, one.new) for one in changes(old, new)] == [
        ("redirect", "modified", "/a", "/a /b 301", "/a /b 302"),
        ("redirect", "removed", "/gone", "/gone /x 302!", None),
        ("redirect", "added", "/new", None, "/new /y 301 Language=fr"),
        ("header", "modified", "/* x-a", "X-A: 1", "X-A: 2"),
    ]


def test_rules_that_came_or_went_are_all_changes() -> None:
    some = rules("/a /b")
    assert [one.status for one in changes(None, some)] == ["added"]
    assert [one.status for one in changes(some, None)] == ["removed"]
    assert changes(some, some) == changes(None, None) == []
