"""docs/settings.md has exactly the existing settings, each with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from easel.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
ROWS = dict(re.findall(r"^\| `EASEL_(\w+)` \| (.*?) \|", TEXT, re.M))
FIELDS = Settings.model_fields


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    assert sorted(ROWS) == sorted(name.upper() for name in FIELDS)


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if isinstance(field.default, int | float)])
def test_numbers_are_documented_exactly(name: str) -> None:
    assert float(ROWS[name.upper()].replace(",", "")) == FIELDS[name].default


def test_text_defaults_are_documented_exactly() -> None:
    words = {name: str(field.default) for name, field in FIELDS.items() if isinstance(field.default, str | Path)}
    assert {name: ROWS[name.upper()].strip("`") for name in words} == words
