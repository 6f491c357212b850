"""The metrics of workers and builders."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

STEP_SECONDS = Histogram(
    "easel_deploy_step_seconds",
    "Duration of the steps of deploys in seconds",
    ["step"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
ENDED = Counter("easel_deploys_ended", "Deploys that this worker finished", ["status"])
BUILDS_ENDED = Counter("easel_builds_ended", "Builds that this builder finished", ["status"])
SKIPPED = "skipped"
"""The outcome of a push that changed no file of its app. It replaces `failed`, because such a push is not a reason for
an alert."""
TAKEN_OVER = Counter("easel_jobs_taken_over", "Jobs taken over from workers without a heartbeat")
