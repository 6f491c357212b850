"""If apps can set cookies for each other, the operator is warned."""

from __future__ import annotations

import pytest

from easel.serving.suffixes import shares_cookies


@pytest.mark.parametrize("domain", ["apps.example.com", "example.org", "apps.github.io", "Apps.Example.co.uk."])
def test_apps_share_a_domain_that_is_no_public_suffix(domain: str) -> None:
    assert shares_cookies(domain)


@pytest.mark.parametrize(
    "domain",
    ["github.io", "co.uk", "localhost", "apps.localhost", "apps.test", "easel.internal", "10.0.0.1", "::1", "intranet"],
)
def test_apps_share_no_public_suffix_and_what_no_stranger_reaches_is_passed_over(domain: str) -> None:
    assert not shares_cookies(domain)
