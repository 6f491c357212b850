"""The published site of an app: one value, made from its configuration by one rule."""

from __future__ import annotations

from typing import Any

import pytest

from easel.serving.published import (
    FORM,
    NOTHING_TOLD,
    PublishedSite,
    decoded,
    encoded,
    encoded_site,
    published_site,
    to_store,
)
from easel.storage.statements import statements


def of(**build_config: Any) -> PublishedSite:
    return published_site({"build_config": build_config})


def test_an_empty_configuration_sends_edges_nothing() -> None:
    nothing: list[dict[str, Any]] = [
        {},
        {"meta": {"title": "x", "indexable": False}, "build_config": {"env_vars": {}, "framework": "react"}},
        {"meta": None, "build_config": None},
        {"meta": "x", "build_config": {"env_vars": None}},
        {"meta": {"indexable": None}, "build_config": {"env_vars": [], "secrets": {"A": "s"}}},
    ]
    assert {encoded(published_site(config)) for config in nothing} == {NOTHING_TOLD}


def test_variables_are_shown_and_the_servers_own_key_and_secrets_are_not() -> None:
    told_of = of(env_vars={"B": "2", "A": "<é>", "Mixpeek_api_KEY": "sk_x"}, secrets={"C": "3"})
    assert decoded(encoded(told_of)).variables == {"A": "<é>", "B": "2"}
    assert b"sk_x" not in encoded(told_of)
    assert of(env_vars={"MIXPEEK_API_KEY": "x"}) == PublishedSite()


def test_equal_values_are_equal_bytes_in_whatever_order_they_were_given() -> None:
    one, other = of(env_vars={"A": "1", "B": "2"}), of(env_vars={"B": "2", "A": "1"})
    assert encoded(one) == encoded(other)
    assert encoded(one) != encoded(of(env_vars={"A": "1", "B": "3"}))
    assert encoded(published_site({"meta": {"indexable": True}})) != NOTHING_TOLD


def test_the_runtime_of_pages_is_published_and_an_unknown_value_means_inline() -> None:
    assert [of(runtime=one).runtime for one in ("external", "off", "inline", None, "other", ["off"])] == [
        "external",
        "off",
        *["inline"] * 4,
    ]
    assert decoded(encoded(of(runtime="off"))).runtime == "off"


@pytest.mark.parametrize("form", [FORM, FORM + 1])
def test_a_value_of_the_current_or_a_later_form_is_read_as_far_as_it_is_known(form: int) -> None:
    later = bytes((form,)) + b'{"gate":{"mode":"password"},"indexable":true}'
    assert decoded(encoded_site(later)) == PublishedSite(indexable=True)


def test_a_missing_stored_value_is_made_from_the_configuration() -> None:
    assert decoded(encoded_site(b'{"meta": {"indexable": true}, "build_config": null}')) == PublishedSite(
        indexable=True
    )
    made = encoded(of(env_vars={"A": "1"}))
    assert (
        encoded_site(to_store(made))
        == encoded_site(b'{"meta": null, "build_config": {"env_vars": {"A": "1"}}}')
        == made
    )


def test_the_database_sends_values_of_this_form_and_the_sections_instead_of_earlier_forms() -> None:
    (sent,) = (text for text in statements("easel.apps.changes").values() if "app.site" in text)
    assert f"get_byte(app.site, 0) >= {FORM} then app.site" in sent
