"""Every refusal has its own code, a message that contains the next step, and a test."""

from __future__ import annotations

import inspect
import re
import string
from pathlib import Path

import pytest

from easel.bundles import errors
from easel.envelope import envelope
from easel.errors import BadRequestError

REFUSALS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, BadRequestError) and kind is not BadRequestError
]


def test_every_refusal_has_a_code_of_its_own() -> None:
    assert len({kind.code for kind in REFUSALS}) == len(REFUSALS)
    assert BadRequestError.code not in {kind.code for kind in REFUSALS}


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_a_refusal_is_a_400_with_a_stable_code_and_advice(kind: type[BadRequestError]) -> None:
    assert kind.status == 400
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", kind.code or "")
    placeholders = {name for _, name, _, _ in string.Formatter().parse(kind.__doc__ or "") if name}
    message = envelope(kind(**dict.fromkeys(placeholders, "seven")))["error"]["message"]
    assert "{" not in message
    assert len(re.findall(r"\.(?:\s|$)", message.replace("seven", "x."))) >= 2, (
        "a sentence about the fault, one on what to do"
    )


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_every_refusal_has_a_test(kind: type[BadRequestError]) -> None:
    here = Path(__file__)
    tests = "".join(path.read_text() for path in here.parent.glob("test_*.py") if path != here)
    assert f"errors.{kind.__name__}" in tests
