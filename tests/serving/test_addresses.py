"""Host names of environments and versions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.apps.errors import SlugCollidesError
from easel.apps.rules import check_slug
from easel.serving.addresses import (
    LABEL,
    LEAST_CUT,
    STAGING,
    UNCUT,
    Addresses,
    host_label,
    slug_forms,
    split_label,
    version_environment,
)

_slugs = st.from_regex(re.compile(r"[a-z0-9]([a-z0-9]|-(?=[a-z0-9])){1,58}[a-z0-9]"), fullmatch=True)


@pytest.mark.parametrize(
    ("environment", "label"),
    [("production", "shop"), ("staging", "staging-shop"), ("v3", "v3-shop"), ("pr-12", "pr-12-shop")],
)
def test_an_environment_has_an_address_of_its_own(environment: str, label: str) -> None:
    assert host_label(environment, "shop") == label


def test_the_port_is_named_only_where_it_is_not_the_schemes_own() -> None:
    assert Addresses("http", "localhost", 8080).url("staging", "shop") == "http://staging-shop.localhost:8080/"
    assert Addresses("https", "example.org", 443).url("production", "shop") == "https://shop.example.org/"
    assert Addresses("http", "example.org", 80).version_url(2, "shop") == "http://v2-shop.example.org/"
    assert Addresses("http", "example.org", 443).at("shop") == "http://shop.example.org:443/"


@given(_slugs, st.sampled_from(["production", "staging", "v1", "v123", "v1234567890", "pr-7", "pr-99999"]))
def test_no_label_is_longer_than_dns_allows(slug: str, environment: str) -> None:
    label = host_label(environment, slug)
    assert len(label) <= LABEL
    assert re.fullmatch(r"[a-z0-9-]+", label)
    assert not label.endswith("-")
    assert "--" not in label


def test_a_shortened_slug_ends_in_six_digits_of_its_hash() -> None:
    slug = "a" * 60
    label = host_label("staging", slug)
    assert re.fullmatch(r"staging-a{48}-[0-9a-f]{6}", label)
    assert len(label) == LABEL
    assert host_label("staging", "a" * 59 + "b") != label


@given(_slugs, st.integers(1, 9_999_999_999))
def test_a_label_names_its_environment_or_version_and_a_form_of_the_slug(slug: str, number: int) -> None:
    for environment, named in (
        (STAGING, None),
        (f"pr-{number}", None),
        (version_environment(number), number),
    ):
        found = split_label(host_label(environment, slug))
        assert found is not None
        assert (found[0], found[2]) == (environment, named)
        assert found[1] in slug_forms(slug)


@pytest.mark.parametrize(
    "label",
    ["shop", "v0-shop", "v01-shop", "v-shop", "v1", "v1-", "v12345678901-shop", "pr-0-x", "pr-x-shop", "pr-7"],
)
def test_other_labels_name_neither_an_environment_nor_a_version(label: str) -> None:
    assert split_label(label) is None


@given(_slugs)
def test_no_other_slug_may_have_the_form_of_a_shortened_slug(slug: str) -> None:
    cut = slug_forms(slug) - {slug}
    assert (len(slug) > UNCUT) == bool(cut)
    for form in cut:
        assert form[:LEAST_CUT].rstrip("-") == slug[:LEAST_CUT].rstrip("-")
        with pytest.raises(SlugCollidesError):
            check_slug(form)
