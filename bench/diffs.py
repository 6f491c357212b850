"""The diff of two versions of the large bundle, compared with git's diff of the two trees."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from pathlib import Path

from bench.deploys import CACHE
from bench.measure import Report, seconds
from testbed.large_bundle import LargeBundleUnavailable, changed_bundle, large_bundle
from testbed.running import Platform, RunningApp


def run(report: Report, platform: Platform) -> None:
    """Measures the diff."""
    name = "diff of two large versions / git diff --no-index"
    try:
        large = large_bundle(CACHE)
    except LargeBundleUnavailable as error:
        report.fail(name, str(error))
        return
    changed = changed_bundle(large, CACHE)
    app = RunningApp.create(platform)
    app.deploy(large)
    app.deploy(changed)

    def ours() -> None:
        answer = app.client.get(f"{app.path}/versions/1/diff/2")
        assert answer.json()["summary"]["modified"] == 1, answer.text[:500]

    with tempfile.TemporaryDirectory() as folder:
        for tree, bundle in (("a", large), ("b", changed)):
            subprocess.run(["unzip", "-q", str(bundle), "-d", str(Path(folder, tree))], check=True)

        def git() -> None:
            subprocess.run(
                ["git", "diff", "--no-index", "--name-status", "a", "b"], cwd=folder, capture_output=True, check=False
            )

        pairs = [(seconds(ours), seconds(git)) for _ in range(9)]
    report.add(
        name,
        statistics.median(a / b for a, b in pairs),
        "ratio",
        at_most=0.2,
        easel_s=statistics.median(a for a, _ in pairs),
        git_s=statistics.median(b for _, b in pairs),
    )
