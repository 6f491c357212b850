"""Rate limits."""

from __future__ import annotations

import pytest

from easel.access.errors import RateLimitedError
from easel.web.context import Limiter
from easel.web.errors import error_answer


def test_a_key_over_its_limit_is_told_when_to_try_again() -> None:
    limiter = Limiter(3)
    for _ in range(3):
        limiter.count("key_a")
    with pytest.raises(RateLimitedError) as caught:
        limiter.count("key_a")
    answer = error_answer(caught.value)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    limiter.count("key_b")


def test_no_limit_is_no_limit() -> None:
    limiter = Limiter(0)
    for _ in range(1000):
        limiter.count("key_a")
