"""Easel sends the recorded responses of two hosts' published servers, each in its dialect, except for a list of
intended deviations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from easel.rules.models import Dialect, RuleSettings
from easel.serving.models import Answer, File, Request
from tests.serving.building import Place, answered, resolve

RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data/rules/recorded.json").read_text())

OF_ITS_OWN = ("cache-control", "content-type")
"""Headers that every response of Easel has, with or without a rule."""

DEVIATIONS: dict[str, tuple[str, ...]] = {
    "a placeholder or star inside a segment works": (
        "netlify R070", "netlify R093", "netlify R100", "netlify R285", "netlify R317",
    ),
    "placeholders that begin alike are told apart": ("netlify R097", "cloudflare R097"),
    "a script that is missing is a 404, not a page": ("netlify R139", "netlify R145"),
    "a source may be written with escapes": ("netlify R224",),
    "a query is handed on as it was sent": ("netlify R236",),
    "a header's name is the same in every case": ("netlify H018",),
    "headers go by the path that was asked for": ("netlify H078",),
    "what frames an answer, names its bytes or says where it leads is the platform's": (
        "netlify H095", "cloudflare H095", "cloudflare H097",
    ),
    "a country is known only where a header or cookie names one": ("netlify R332",),
    "an escape that need not be one spells the same path": ("netlify P033",),
    "a line that gives every path one page leaves files where they are": (
        "cloudflare R052", "cloudflare R151", "cloudflare R153",
    ),
    "a line gives the content that it names, and never moves it to another address": (
        "cloudflare R163", "cloudflare R164", "cloudflare R165",
        "cloudflare R178", "cloudflare R183", "cloudflare R186",
    ),
    "a query in a source must be there": ("cloudflare R286", "cloudflare R326"),
    "limits do not hang on the order of lines": ("cloudflare R299", "cloudflare R303"),
    "a path written as two blocks gets both": ("cloudflare H012", "cloudflare H105"),
    "a 404 is kept by nobody": ("cloudflare H086",),
}  # fmt: skip
"""Intended deviations from a host: the reason, and the cases."""


def answer_of(case: dict[str, Any], dialect: Dialect) -> tuple[Answer, str | None]:
    """Returns Easel's response, and the file with its content."""
    files = {path: text.encode() for path, text in case["files"].items()}
    for name in ("redirects", "headers"):
        if case[name] is not None:
            files[f"_{name}"] = case[name].encode()
    config = case["config"] if dialect == "cloudflare" else {}
    wanted = RuleSettings(
        dialect,
        config.get("html_handling", ""),
        config.get("not_found_handling", "none" if dialect == "cloudflare" else ""),
        guards=True,
    )
    place = Place(files, rules=wanted)
    sent = {name.lower(): value for name, value in case["request"]["headers"].items()}
    request = Request(
        case["request"]["method"],
        case["request"]["path"],
        accept=sent.get("accept", "*/*"),
        host=sent.get("host", "site.test"),
        cookie=sent.get("cookie"),
        accept_language=sent.get("accept-language"),
    )
    site = place.site()
    found = resolve(site, request)
    return answered(site, request), found.path if isinstance(found, File) else None


def recorded_for(case: dict[str, Any], dialect: Dialect) -> list[dict[str, Any]]:
    """Returns the recorded responses of the dialect's host. The host's products differ in a few cases."""
    if dialect == "cloudflare":
        return [answer for name in ("cloudflare", "cloudflare_pages") if (answer := case[name])]
    library = case.get("netlify_library")
    if any(
        text.startswith("netlify: only so on a local machine") or "covers it up" in text for text in case["caveats"]
    ):
        return []
    if case["area"] == "headers":
        return [library] if library and library["status"] is not None else []
    kept = [library] if case["area"] == "paths" and library and library["status"] is not None else []
    return [answer for answer in (case["netlify"], *kept) if answer]


def differences(case: dict[str, Any], dialect: Dialect) -> list[str] | None:
    """Returns the differences of Easel's response from every recorded response, one text for each. Returns no
    differences if it equals one of them. Returns None if nothing is recorded."""
    recorded = recorded_for(case, dialect)
    if not recorded:
        return None
    answer, path = answer_of(case, dialect)
    found = [difference(case, answer, path, one) for one in recorded]
    return [] if None in found else [text for text in found if text]


def difference(case: dict[str, Any], answer: Answer, path: str | None, recorded: dict[str, Any]) -> str | None:
    """Returns the difference of a response from a recorded response, or None."""
    mine: dict[str, list[str]] = {}
    for name, value in answer.headers:
        mine.setdefault(name.decode(), []).append(value.decode())
    moved = {307, 308}
    if answer.status != recorded["status"] and not {answer.status, recorded["status"]} <= moved:
        return f"{answer.status} for {recorded['status']}"
    location = mine.get("location", [None])[0]
    if location != recorded["location"]:
        return f"Location {location} for {recorded['location']}"
    if case["request"]["method"] != "HEAD" and path != recorded["body_file"]:
        return f"{path} for {recorded['body_file']}"
    theirs = {name.lower(): value for name, value in recorded["headers"].items()}
    for name in case["named_headers"]:
        lines = theirs.get(name)
        want = ", ".join(lines) if isinstance(lines, list) else lines
        have = ", ".join(mine[name]) if name in mine else None
        if name == "location" or (name == "vary" and (want is None or want in (have or "").split(", "))):
            continue  # The first two are checked above. Easel may vary its bytes by more headers than the host.
        if have != want and not (want is None and name in OF_ITS_OWN):
            return f"{name}: {have} for {want}"
    return None


@pytest.mark.parametrize("dialect", ["netlify", "cloudflare"])
def test_every_recorded_answer_is_met_or_a_wanted_deviation(dialect: Dialect) -> None:
    wanted = {name for names in DEVIATIONS.values() for name in names if name.startswith(dialect)}
    met: set[str] = set()
    differing: dict[str, str] = {}
    for case in RECORDED:
        name = f"{dialect} {case['id']}"
        found = differences(case, dialect)
        if found:
            differing[name] = f"{case['site']} {case['request']['path'][:50]}: {found[0]}"
        elif found is not None:
            met.add(name)
    assert {name: text for name, text in differing.items() if name not in wanted} == {}
    assert wanted <= set(differing), "these are met: they are no deviations"
    assert len(met) >= 0.95 * (len(met) + len(differing))
