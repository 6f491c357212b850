"""Valid and invalid slugs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.apps.errors import SlugCollidesError, SlugInvalidError, SlugReservedError
from easel.apps.models import is_cut, short_host
from easel.apps.rules import check_slug
from easel.errors import EaselError
from easel.serving.addresses import host_label, version_environment
from easel.storage.statements import statements


@pytest.mark.parametrize("slug", ["abc", "my-shop", "a1b", "1st", "x" * 60, "staging", "version1-shop"][:5])
def test_ordinary_names_are_slugs(slug: str) -> None:
    assert check_slug(slug) == slug


@pytest.mark.parametrize(
    "slug", ["", "ab", "x" * 61, "-abc", "abc-", "a--b", "Shop", "a_b", "a.b", "ä-b", "a b", "abc\n"]
)
def test_a_slug_that_is_no_dns_label_is_refused(slug: str) -> None:
    with pytest.raises(SlugInvalidError):
        check_slug(slug)


@pytest.mark.parametrize("slug", ["www", "api", "admin", "app", "static", "staging", "easel"])
def test_names_that_belong_to_the_platform_are_reserved(slug: str) -> None:
    with pytest.raises(SlugReservedError):
        check_slug(slug)


@pytest.mark.parametrize("slug", ["staging-shop", "v1-shop", "v42-x", "pr-7-shop", "x" * 50 + "-0a1b2c"])
def test_a_slug_that_reads_like_another_apps_address_is_refused(slug: str) -> None:
    with pytest.raises(SlugCollidesError):
        check_slug(slug)


slugs = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?", fullmatch=True)


@given(slugs, slugs, st.integers(1, 10**6))
def test_no_two_slugs_share_an_address(one: str, other: str, number: int) -> None:
    try:
        check_slug(one), check_slug(other)
    except EaselError:
        return
    if one == other:
        return
    names = ["production", "staging", version_environment(number), f"pr-{number}"]
    mine = {host_label(name, one) for name in names}
    theirs = {host_label(name, other) for name in names}
    assert not mine & theirs
    assert all(len(label) <= 63 for label in mine | theirs)


def test_statements_and_indexes_cut_slugs_where_addresses_do() -> None:
    found = statements("easel.apps.slugs")
    for text in (found["taken"], found["reserved"]):
        for slug in ("slug", "%(slug)s::text"):
            assert is_cut(slug) in text
            assert short_host(slug) in text
