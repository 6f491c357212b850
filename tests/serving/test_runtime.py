"""The runtime object in pages."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from easel.serving.runtime import inject, page_hash, runtime_object, runtime_script
from tests.serving.building import Place

PLACE = Place({"index.html": b""})


class Scripts(HTMLParser):
    """The inline scripts of a page, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside = tag == "script"
        if self.inside:
            self.found.append("")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = False


def test_both_names_contain_the_pages_environment_and_its_public_variables() -> None:
    site = PLACE.site(environment="staging", variables={"FLAG": "on"}, api_base_url="/api")
    assert runtime_object(site) == {
        "apiBaseUrl": "/api",
        "appId": "app_1",
        "slug": "shop",
        "environment": "staging",
        "FLAG": "on",
    }
    script = runtime_script(site).decode()
    assert script.startswith("<script>window.__EASEL__=window.__MIXPEEK__={")
    assert script.endswith("};document.currentScript&&document.currentScript.remove()</script>")


def test_a_variable_cannot_replace_a_field_of_the_platform() -> None:
    assert runtime_object(PLACE.site(variables={"appId": "forged", "slug": "x"}))["appId"] == "app_1"


def test_a_variable_may_be_named_proto() -> None:
    script = runtime_script(PLACE.site(variables={"__proto__": '"__proto__":1', "A": "__proto__"})).decode()
    assert '["__proto__"]:"\\"__proto__\\":1"' in script
    assert '"A":"__proto__"' in script


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=4))
def test_no_variable_can_break_out_of_its_script(variables: dict[str, str]) -> None:
    hostile = {**variables, "A": "</script><script>alert(1)</script>", "B": "<!--<script>", "C": "\u2028\u2029&amp;"}
    site = PLACE.site(variables=hostile)
    page = inject(b"<head></head><body>after</body>", runtime_script(site), len("<head>")).decode("ascii")
    found = Scripts(page).found
    assert len(found) == 1
    match = re.fullmatch(
        r"window\.__EASEL__=window\.__MIXPEEK__=(\{.*\});document\.currentScript&&document\.currentScript\.remove\(\)",
        found[0],
    )
    assert match is not None
    # The only name that JavaScript would interpret differently is in brackets.
    assert json.loads(match[1].replace('["__proto__"]:', '"__proto__":')) == runtime_object(site)
    assert not set("<>&\u2028\u2029") & set(match[1])


def test_a_page_is_split_at_its_scripts_place_without_loss() -> None:
    assert inject(b"<head></head>", b"@", 6) == b"<head>@</head>"


def test_a_page_has_another_hash_for_every_object_in_it() -> None:
    scripts = [runtime_script(PLACE.site(environment=name)) for name in ("production", "staging")]
    assert len({page_hash("0" * 64, script) for script in (*scripts, b"")}) == 3
    assert page_hash("0" * 64, b"") == "0" * 64
