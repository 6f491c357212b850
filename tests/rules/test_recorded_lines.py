"""Usual lines of `_redirects` and `_headers` have the meaning that Netlify's published parsers give them.

The data contains the result of the named parser for each text. Differences are wanted, and each has its reason here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from easel.rules.models import HeaderBlock, Redirect, RuleSettings
from easel.rules.read import read_rules

RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data/rules/lines.json").read_text())
WANTED = {
    "/api/*  https://api.example.com/:splat  200": "Easel is no proxy",
    "/img/* https://cdn.example.com/:splat 200!": "Easel is no proxy",
    "/foo?x=1 /bar 301": "the query of a source is a condition",
    "/?p=12 /twelve 301": "the query of a source is a condition",
    "/index.php?p=12 /twelve 301": "the query of a source is a condition",
    "/admin/* /admin/:splat 200 Role=admin": "Easel has no roles",
    "/a/* /b/:splat 301 Cookie=ab_test": "the parser makes a list of letters from the cookie's name",
    "/a b /c 301": "a blank in a source hides the rest of the path",
    "/x /y 3oo": "the parser reads the status 3",
    "/x /y 999": "no client knows the status",
    "/x /y 200 Signed=API_TOKEN": "only requests to other hosts are signed",
    "//double /x 301": "no path has two adjacent slashes",
    "/a//b /c 301": "no path has two adjacent slashes",
    "/*\n  Basic-Auth: a:b": "Easel has no passwords",
    "/a?x=1\n  X-A: 1": "headers are set for paths",
}


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: repr(entry["text"])[:60])
def test_a_usual_line_means_what_netlifys_parser_says(entry: dict[str, Any]) -> None:
    is_headers = "headers" in entry["by"]
    files = {"_headers" if is_headers else "_redirects": entry["text"].encode()}
    rules = read_rules(files, RuleSettings("netlify", guards=True))
    assert rules is not None
    found = list(map(_block, rules.headers)) if is_headers else list(map(_line, rules.redirects))
    assert (found == entry["rules"]) == (entry["text"] not in WANTED), found


def _line(line: Redirect) -> list[Any]:
    conditions = {"Language": line.languages, "Country": line.countries, "Cookie": line.cookies}
    named = {name: list(values) for name, values in conditions.items() if values}
    return [line.host + line.source, line.target, line.status, line.forced, dict(line.query), named]


def _block(block: HeaderBlock) -> list[Any]:
    values: dict[str, str] = {}
    for name, value in block.headers:
        values[name] = f"{values[name]}, {value}" if name in values else value or ""
    return [block.path, values]
