"""The step `record`: assigns the version its number, in the transaction that records the version and its content."""

from __future__ import annotations

from easel.bundles.models import Manifest
from easel.deploys.deploy_row import DeployRow
from easel.deploys.errors import AppGoneError
from easel.deploys.smoke import is_tested_at_once
from easel.deploys.steps.step import Run, Step
from easel.versions.service import Files, Origin, record_deployed


class Record(Step):
    """The step that records the version. It sets the deploy's `version`, and the run's `app` as it is at that
    moment."""

    name = "record"

    def found(self, run: Run) -> bool:
        """Returns true if an earlier run has already recorded the version. A recorded version never changes."""
        return run.row.deploy.version is not None

    async def run(self, run: Run) -> None:
        """Records the new version of the app. Raises AppGoneError, and database errors."""
        manifest = await run.manifest()
        # If the smoke test does not have to wait for anything, one transaction records the version and moves the
        # pointer.
        async with run.row.ours(keep=is_tested_at_once(manifest)) as work:
            deploy = run.row.deploy
            if run.ingested is not None:
                deploy.bundle_key, deploy.manifest_key = run.ingested.bundle_key, run.ingested.manifest_key
                deploy.warnings = [*deploy.warnings, *run.warnings]
                deploy.counts = run.ingested.counts
            files = _files(deploy, manifest)
            recorded = await record_deployed(work, run.app, _origin(deploy, run.row.timings), files)
            if recorded is None:
                raise AppGoneError()
            deploy.version, run.app = recorded
            deploy.step = self.name
            run.row.say(f"Recorded version {deploy.version}")


def _origin(deploy: DeployRow, timings: dict[str, int]) -> Origin:
    return Origin(
        kind="deploy",
        environment=deploy.environment,
        message=deploy.message,
        actor=deploy.queued_by,
        deploy_id=deploy.id,
        build_duration_ms=sum(ms for step, ms in timings.items() if step != "queued"),
        source_files_key=deploy.source_files_key,
        git_commit_sha=deploy.git_commit_sha,
        git_commit_message=deploy.git_commit_message,
        git_author=deploy.git_author,
        git_branch=deploy.git_branch,
    )


def _files(deploy: DeployRow, manifest: Manifest) -> Files:
    assert deploy.manifest_key is not None
    return Files(
        manifest_key=deploy.manifest_key,
        files_hash=manifest.content_hash(),
        file_count=len(manifest.files),
        total_bytes=manifest.total_size,
        bundle_key=deploy.bundle_key,
        bundle_name=(deploy.bundle_s3_key or deploy.built_key or "").rsplit("/", 1)[-1] or None,
    )
