"""schemathesis reads the published document, and finds no deviation of the api."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.running import Platform

CONFIG = Path(__file__).with_name("schemathesis.toml")
QUICK = """
[[operations]]
# The page-builder fields alone make 4,500 boundary cases of these two; they are fuzzed, and covered in a full run.
include-path-regex = "^/v1/apps(/[{]app_id[}])?$"
include-method-regex = "^(POST|PATCH)$"
phases.coverage.enabled = false
phases.fuzzing.generation.max-examples = 2
"""
FULL = os.environ.get("EASEL_FUZZ") == "full"


@pytest.fixture
def own_key(platform: Platform) -> str:
    """Returns the key of a separate organisation, because fuzzing may delete apps and revoke keys."""
    return platform.organisation("Fuzzed")


@pytest.mark.timeout(1800 if FULL else 900)
def test_schemathesis_finds_nothing_with_all_its_checks(platform: Platform, own_key: str, tmp_path: Path) -> None:
    """EASEL_FUZZ=full makes the fuzzing thorough. It then takes some minutes instead of half a minute."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.read_text() + ("" if FULL else QUICK))
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", f"{platform.api_url}/openapi.json"),
            *("--header", f"Authorization: Bearer {own_key}"),
            *("--checks", "all", "--max-examples", "100" if FULL else "2"),
            *("--continue-on-failure", "--no-color", "--warnings", "off"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
    assert "No issues found" in run.stdout
    # All operations were tested. An unreadable document would lead to no findings either.
    assert "Selected: 45/45" in run.stdout
    internal = [line for line in platform.log.read_text().splitlines() if "request req_" in line]
    assert not internal
