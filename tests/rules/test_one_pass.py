"""A regular expression is put in force only if one character decides each of its choices, so no path makes it slow."""

from __future__ import annotations

import random
import re

import pytest

from easel.rules.files.reading import BadLineError
from easel.rules.hosts.one_pass import LONGEST, one_pass, search_in_one_pass

_CHOICE = random.Random(7)
_ATOMS = ["a", "b", "/", "-", r"\.", "[ab]", "[^/]", r"\d", r"\w", "."]
_COUNTS = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "+?", "*?"]


def _sequence(depth: int = 0) -> str:
    pieces = []
    for _ in range(_CHOICE.randint(min(depth, 1) ^ 1, 4)):
        if depth < 3 and _CHOICE.random() < 0.3:
            branches = "|".join(_sequence(depth + 1) for _ in range(_CHOICE.randint(1, 3)))
            pieces.append(f"{_CHOICE.choice(['(', '(?:'])}{branches})")
        else:
            pieces.append(_CHOICE.choice(_ATOMS))
        pieces.append(_CHOICE.choice(_COUNTS))
    return "".join(pieces)


def _texts() -> list[str]:
    return ["".join(_CHOICE.choices("aab/-.x1", k=_CHOICE.randint(0, 9))) for _ in range(8)]


def test_an_accepted_expression_matches_the_same_texts_as_before() -> None:
    accepted = 0
    for _ in range(3_000):
        expression = _sequence()
        try:
            mine = one_pass(expression, captures=True)
        except BadLineError:
            continue
        accepted += 1
        for text in _texts():
            _compare(re.compile(expression, re.ASCII).fullmatch(text), mine.text, text)
    assert accepted > 500


def test_an_accepted_search_finds_the_same_texts_as_before() -> None:
    accepted = 0
    for _ in range(6_000):
        expression = f"{_CHOICE.choice(['', '^'])}{_sequence()}{_CHOICE.choice(['', '$'])}"
        try:
            mine = search_in_one_pass(expression)
        except BadLineError:
            continue
        accepted += 1
        for text in _texts():
            _compare(re.compile(expression, re.ASCII).search(text), mine.text, text)
    assert accepted > 500


def _compare(was: re.Match[str] | None, expression: str, text: str) -> None:
    now = re.fullmatch(expression, text, re.ASCII)
    assert (was is None) == (now is None), (expression, text)
    if was is not None and now is not None:
        assert [group or "" for group in was.groups()] == [group or "" for group in now.groups()], (expression, text)


@pytest.mark.parametrize(
    ("expression", "matching", "others"),
    [
        ("en|es|en-US", ["en", "es", "en-US"], ["e", "enes"]),
        (r"^(?:www\.)?example\.com$", ["example.com", "www.example.com"], ["wwwxexample.com"]),
        (r"(?<sub>.*)\.example\.com", ["a.example.com", "a.b.example.com"], ["example.com"]),
        (".*(bot|crawler).*", ["a bot", "crawler"], ["cat"]),
        (r"[a-f0-9]{8}-\w+", ["0123abcd-x"], ["0123abc-x"]),
        (r"(?:/[^/]+)*", ["", "/a/b"], ["/a//b"]),
        (r"\d{2,}|all", ["12", "all"], ["1"]),
        (r"[^\w-]+x", ["!!x"], ["a-x"]),
    ],
)
def test_usual_expressions_are_accepted(expression: str, matching: list[str], others: list[str]) -> None:
    accepted = re.compile(one_pass(expression).text, re.ASCII)
    assert all(map(accepted.fullmatch, matching))
    assert not any(map(accepted.fullmatch, others))


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)+", "(a|aa)+", "(a*)*b", "a*a*a*a*b", "(x+x+)+y", "(.*)(.*)", ".*a.*b.*c.*d.*e.*", "(a|a?)+$",
        r"(\w+\s?)*$",
        "([a-z]+)*.com", "(.*)a{2,90}", "(.*)/(.*)", "a{1001}", "(?=a)b", "(?i)a", r"\1", r"\bword", r"\p{L}",
        "[[:alpha:]]",
        "(" * 17 + "a" + ")" * 17, "[z-a]", "[]", "(a", "a)", "a**", "a{3,2}", "*", "x" * (LONGEST + 1),
        "[\\w-z]", "a\\",
    ],
)  # fmt: skip
def test_an_expression_that_would_be_searched_is_refused(expression: str) -> None:
    with pytest.raises(BadLineError):
        one_pass(expression)


@pytest.mark.parametrize("expression", [r"\d+x", "(.*)x", "[^/]+/x", "a|b", "^a|b$", "/a/.*/b", ""])
def test_a_search_that_would_begin_at_each_place_is_refused(expression: str) -> None:
    with pytest.raises(BadLineError):
        search_in_one_pass(expression)


def test_ranges_are_listed_only_up_to_a_limit() -> None:
    """Each range is a set of its characters, and 500 characters could ask for 50,000 of them many times."""
    ranges = [f"{chr(start)}-{chr(start + 511)}" for start in range(0x3000, 0xA000, 512)]
    for expression in ("".join(f"[{one}]" for one in ranges[:9]), f"[{''.join(ranges[:9])}]?", f"[{ranges[0]}]?b" * 9):
        with pytest.raises(BadLineError, match="4,096"):
            one_pass(expression)
    accepted = re.compile(one_pass(f"[{''.join(ranges[:8])}a\\d]+").text)
    assert accepted.fullmatch("\u3000\u3fff0a")
    assert not accepted.fullmatch("\u4000")
    assert one_pass("[a-z]" * 100)
    assert re.fullmatch(one_pass("[\\Da1]").text, "1")
    assert not re.fullmatch(one_pass("[^\\Da1]").text, "1")
    assert re.fullmatch(one_pass("[^\\Da1]").text, "2")
