"""The step `pin`: makes a private copy of the upload, which the uploader cannot change."""

from __future__ import annotations

from easel.deploys.errors import BundleGoneError
from easel.deploys.steps.step import Run, Step
from easel.settings import Settings
from easel.storage.errors import ObjectMissingError, ObjectTooLargeError
from easel.storage.translation import translated
from easel.uploads.errors import BundleTooLargeError


class Pin(Step):
    """The step that makes a private copy of the upload. It sets the run's `pinned`. The copy is kept until the bundle
    is stored."""

    name = "pin"

    def deadline(self, settings: Settings) -> float:
        """Returns the timeout of the step in seconds. It is long enough to download a large bundle from a bucket."""
        return settings.pin_deadline or settings.step_deadline

    def found(self, run: Run) -> bool:
        """Returns true if an earlier run has already stored the bundle, so that no copy is needed."""
        return run.row.deploy.manifest_key is not None

    async def run(self, run: Run) -> None:
        """Copies the upload. Raises BundleGoneError, BundleTooLargeError, StorageFullError and the errors of the object
        store."""
        deploy = run.row.deploy
        key = deploy.built_key or deploy.bundle_s3_key
        assert key is not None
        with translated(key):
            run.objects.reserve.require()
        # A bucket accepts uploads of any size, so the size is checked here.
        limit = run.settings.max_upload_size
        try:
            run.pinned = await run.held.enter_async_context(run.objects.pin(key, limit=limit))
        except ObjectMissingError as error:
            raise BundleGoneError() from error
        except ObjectTooLargeError as error:
            raise BundleTooLargeError(limit=limit) from error
