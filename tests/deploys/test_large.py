"""The large bundle: two whole npm packages, about 2,500 files and 130 MB inflated."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.large_bundle import LargeBundleUnavailable, large_bundle
from testbed.running import RunningApp

ROOT = Path(__file__).parents[2]


@pytest.mark.network
def test_a_bundle_of_thousands_of_files_deploys_as_it_is(app: RunningApp) -> None:
    try:
        bundle = large_bundle(ROOT / ".cache")
    except LargeBundleUnavailable as error:
        pytest.skip(str(error))
    status = app.deploy(bundle)
    assert (status["status"], status["error"]) == ("complete", None)
    assert status["counts"]["files"] > 2500
    assert status["counts"]["bytes"] > 120_000_000
    assert app.visit("/three/build/three.module.min.js").status_code == 200
    assert app.visit("/monaco-editor/min/vs/loader.js", Accept_Encoding="gzip").headers["content-encoding"] == "gzip"
