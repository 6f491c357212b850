"""The step `smoke_test`: requests the new version's entry page through the edge's own rules, before any visitor sees
the version."""

from __future__ import annotations

from easel import clock
from easel.deploys.errors import SmokeTestFailedError
from easel.deploys.smoke import smoke_test
from easel.deploys.steps.step import Run, Step
from easel.serving.addresses import Addresses
from easel.serving.models import Site
from easel.serving.published import decoded, encoded_site
from easel.serving.site_rules import site_rules


class SmokeTest(Step):
    """The step that tests the new version. It sets the run's `smoke`. The result is written together with the next
    change: the move of the pointer, or the failure."""

    name = "smoke_test"

    def found(self, run: Run) -> bool:
        """Returns true if an earlier run has written the result, which happens together with the move of the
        pointer."""
        return run.row.deploy.smoke_test is not None

    async def run(self, run: Run) -> None:
        """Tests the new version's entry page. Raises SmokeTestFailedError, and StoreUnavailableError."""
        site = await _candidate(run)
        url = Addresses.of(run.settings).version_url(site.version, run.app.slug)
        run.smoke = await smoke_test(run.objects, site, url)
        if not run.smoke.passed:
            run.row.say("Smoke test failed")
            raise SmokeTestFailedError(problem=" ".join(run.smoke.errors))
        run.row.say(f"Smoke test passed in {run.smoke.duration_ms} ms")
        for note in run.smoke.notes:
            run.row.say(f"Note: {note}")


async def _candidate(run: Run) -> Site:
    """Returns the new version as a site, in the form in which an edge would create it."""
    deploy = run.row.deploy
    assert deploy.version is not None
    manifest = await run.manifest()
    return Site(
        app_id=run.app.id,
        slug=run.app.slug,
        environment=deploy.environment,
        version=deploy.version,
        manifest=manifest,
        modified_at=int(clock.now().timestamp()),
        published=decoded(encoded_site(run.app.site)),
        rules=site_rules(manifest.rules) if manifest.rules is not None else None,
    )
