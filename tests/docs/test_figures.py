"""The figures in the documents are the figures of saved runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "docs" / "speed.md", ROOT / "docs" / "scaling.md")


def test_every_table_shows_what_its_run_measured() -> None:
    command = [sys.executable, "-m", "bench.document", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_table_of_figures_is_written_from_a_run(document: Path) -> None:
    outside = re.sub(r"<!-- (figures|text) .*?<!-- end -->", "", document.read_text(), flags=re.DOTALL)
    assert "| measured |" not in outside
