"""Easel responds to the decisive requests like the published code of the hosts whose files it reads.

Each entry of the data names the package and its version, and contains that package's responses. These packages also
responded to thousands of generated requests; the entries are the cases in which Easel differed, and one for each way of
writing a rule.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from easel.rules.models import RuleSettings
from easel.serving.models import File, Request
from tests.serving.building import Place, answered, resolve

RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data/rules/hosts.json").read_text())
MOVED = {301, 307, 308}
"""Statuses of redirects between the forms of a page's address, which differ between the hosts."""


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: entry["by"].split()[0])
def test_a_host_and_easel_respond_alike(entry: dict[str, Any]) -> None:
    rules = {
        name: text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
        for name, text in entry["rules"].items()
    }
    files = {path: path.encode() for path in entry["files"]} | {name: text.encode() for name, text in rules.items()}
    is_lines = "_redirects" in rules or "_headers" in rules
    settings = RuleSettings("cloudflare", not_found="none", guards=True) if is_lines else RuleSettings(guards=True)
    site = Place(files, rules=settings).site()
    for asked in entry["asked"]:
        request = Request(
            "GET",
            asked["path"],
            accept="text/html",
            fetch_dest="document",
            host="site.test",
            cookie=asked.get("cookie"),
        )
        found, response = resolve(site, request), answered(site, request)
        sent = {name.decode(): value.decode() for name, value in response.headers}
        told = asked["path"], response.status, sent.get("location")
        assert sent.get("location") == asked.get("location"), told
        assert response.status == asked["status"] or {response.status, asked["status"]} <= MOVED, told
        assert asked.get("file") in (None, found.path if isinstance(found, File) else ""), told
        for name, value in asked.get("headers", {}).items():
            assert value is None or sent.get(name) == value, told
            assert value is not None or name == "cache-control" or name not in sent, told
