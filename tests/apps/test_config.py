"""A configuration as a value: merging, encrypting, hashing, showing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from easel.access.secrets import Vault, password_matches
from easel.apps.config import canonical, config_hash, masked, merge_patch, seal

VAULT = Vault("a secret for tests")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


# The examples of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_patches_merge_as_the_standard_says(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@given(json_values, json_values)
def test_a_patch_applied_twice_changes_nothing_more(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["$sealed", "$digest"]), st.text(max_size=20), max_size=5))
@example({"$sealed": "", "$digest": ""})
def test_secrets_are_never_readable_at_rest_or_shown(secrets: dict[str, str]) -> None:
    sealed = seal(VAULT, {"build_config": {"secrets": {k: f"hidden-{v}-hidden" for k, v in secrets.items()}}}, {})
    assert "hidden-" not in json.dumps(sealed)
    assert masked(sealed)["build_config"]["secrets"] == dict.fromkeys(secrets, "***")
    assert len(config_hash(sealed)) == 64


def test_a_masked_secret_that_is_sent_back_keeps_its_value() -> None:
    before = seal(VAULT, {"build_config": {"secrets": {"TOKEN": "one"}}}, {})
    after = seal(VAULT, masked(before), before)
    assert after == before


def test_the_same_configuration_has_the_same_hash_although_sealing_is_random() -> None:
    config = {"meta": {"title": "x"}, "build_config": {"secrets": {"TOKEN": "one"}}}
    first, second = seal(VAULT, config, {}), seal(VAULT, config, {})
    assert first != second
    assert config_hash(first) == config_hash(second)


def test_another_secret_gives_another_hash() -> None:
    first = seal(VAULT, {"build_config": {"secrets": {"TOKEN": "one"}}}, {})
    second = seal(VAULT, {"build_config": {"secrets": {"TOKEN": "two"}}}, {})
    assert config_hash(first) != config_hash(second)


def test_a_password_is_kept_as_a_hash_that_it_matches() -> None:
    sealed = seal(VAULT, {"auth_config": {"mode": "password", "password": "open sesame"}}, {})
    assert "password" not in sealed["auth_config"]
    assert password_matches("open sesame", sealed["auth_config"]["password_hash"])
    assert masked(sealed)["auth_config"]["password_hash"] == "***"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_a_configurations_canonical_form_never_changes(value: Any) -> None:
    before = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical(value) == before
