"""The figures in the documents are those of runs that are kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.document import DOCUMENTS, rendered


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_table_shows_what_its_run_measured(document: Path) -> None:
    text = document.read_text()
    assert rendered(text) == text, "run `python -m bench.document`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_table_of_figures_is_written_from_a_run(document: Path) -> None:
    outside = re.sub(r"<!-- (figures|text) .*?<!-- end -->", "", document.read_text(), flags=re.DOTALL)
    assert "| measured |" not in outside
