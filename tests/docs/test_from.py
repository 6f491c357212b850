"""Every example on the page on rules, and on the pages for users of other hosts, is true: lines, requests, refusals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from easel.cli.project import Project, find_project
from easel.cli.shipping.trial import ask, rule_settings
from easel.rules.models import Choice, RuleSettings
from easel.rules.read import FILES, read_rules
from tests.serving.building import Place

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "rules.md", *sorted((DOCS / "from").glob("*.md"))]
_FENCE = re.compile(r"^```\w+ (\S+)( refused)?\n(.*?)^```$", re.M | re.S)
_ROW = re.compile(
    r"^\| `(\S+)`(?: with `([^`]+)`)? \| (\d+)(?: to `([^`]+)`)?(?: `([^`]+)`)?(?: and `([^`]+)`)? \|$", re.M
)
_SITE = re.compile(r"In a site of (.*):")


def examples(page: str, *, refused: bool) -> dict[str, str]:
    """Returns the files of the page by name."""
    return {name: text for name, mark, text in _FENCE.findall(page) if bool(mark) is refused}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_responses_in_the_guides_are_correct(path: Path, tmp_path: Path) -> None:
    page = path.read_text()
    project = Project(tmp_path)
    files = examples(page, refused=False)
    if (settings := files.pop("easel.toml", None)) is not None:
        (tmp_path / "easel.toml").write_text(settings)
        project = find_project(tmp_path)
    assert files.keys() <= set(FILES)
    site_of = _SITE.search(page)
    assert site_of is not None
    names = re.findall(r"`([^`]+)`", site_of[1])
    site = Place(
        {name: b"<!doctype html>" if name.endswith("html") else b"1" for name in names}
        | {name: text.encode() for name, text in files.items()},
        rules=rule_settings(project),
    ).site()
    assert site.rules is not None
    assert site.manifest.rules is not None
    assert site.manifest.rules.refused == ()
    rows = _ROW.findall(page)
    assert len(rows) == page.count("\n| `/") >= 5
    for address, header, status, location, file, added in rows:
        answer = ask(site, address, "GET", [header] if header else [])
        found = (str(answer.status), answer.location or "", answer.file or "")
        assert found == (status, location, file), address
        if added:
            assert tuple(added.split(": ", 1)) in answer.headers, address


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_refused_line_in_the_guides_is_refused(path: Path) -> None:
    page = path.read_text()
    files = examples(page, refused=True)
    assert files
    choice: Choice = "cloudflare" if path.stem == "cloudflare" else "auto"
    for name, text in files.items():
        rules = read_rules({name: text.encode()}, RuleSettings(choice, guards=True))
        assert rules is not None
        assert (rules.redirects, rules.headers) == ((), ()), name
        entries = len(re.findall(r'\{"', text)) if name.endswith("json") else len(text.splitlines())
        assert len(rules.refused) >= (entries if name == "_redirects" else 2)
