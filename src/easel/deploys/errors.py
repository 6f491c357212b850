"""Errors of deploys: the reasons why a deploy is refused or fails."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError, LimitReachedError, NotFoundError


class DeployNotFoundError(NotFoundError):
    """There is no deploy {deploy_id} of this app."""

    code = "deploy_not_found"


class TooManyLogStreamsError(LimitReachedError):
    """This organisation has {used} open log streams; the limit is {limit}. Close some of them, or poll the status of
    the deploy."""

    status = 429
    code = "log_stream_limit_reached"
    limit = "log_streams"


class BundleNotFoundError(NotFoundError):
    """There is no upload {bundle_s3_key} for this app. Request an upload URL, and send the `bundle_s3_key` that you
    receive with it."""

    code = "bundle_not_found"


class BundleNotUploadedError(BadRequestError):
    """Nothing was uploaded for {bundle_s3_key} yet. First send the zip to the upload URL with PUT."""

    code = "bundle_not_uploaded"


class RepositoryNotConnectedError(BadRequestError):
    """This app has no connected repository, so it cannot be deployed with the source `git`. Connect a repository with
    `easel git connect`."""

    code = "repository_not_connected"


class SourceFilesTooManyError(BadRequestError):
    """`source_files` contains {count} files; the limit is {limit}. Send fewer source files."""

    code = "source_files_too_many"


class SourceFilesTooLargeError(BadRequestError):
    """`source_files` contains {size} bytes; the limit is {limit}. Send fewer or smaller source files."""

    code = "source_files_too_large"


class SourceFilePathError(BadRequestError):
    """`source_files` contains an invalid path: {reason}"""

    code = "source_file_path_invalid"


class DeployFinishedError(BadRequestError):
    """The deploy {deploy_id} has ended ({status}) and cannot be cancelled."""

    code = "deploy_finished"


class DeployAlreadyLiveError(BadRequestError):
    """The deploy {deploy_id} is already live as version {version}. Restore another version instead."""

    code = "deploy_already_live"


class BundleGoneError(EaselError):
    """The uploaded bundle is no longer in the object store. Upload the bundle again, and start a new deploy."""

    status = 400
    code = "bundle_missing"


class SourceBuildsOffError(BadRequestError):
    """The zip contains the sources of a project ({found}), but this server does not build sources. Build the project,
    and upload the output folder (often dist/, build/ or out/). Or ask Easel's operator to turn builds on
    (EASEL_BUILDS=sandboxed)."""

    code = "source_build_unsupported"


class TooManyWaitingBuildsError(LimitReachedError):
    """{used} deploys of this organisation are waiting to be built; the limit is {limit}. Deploy again when some of them
    have ended."""

    status = 429
    code = "waiting_builds_limit_reached"
    limit = "waiting_builds"


class BuildMinutesError(LimitReachedError):
    """This organisation's builds have taken {used} minutes today; the limit is {limit}. Deploy again after midnight
    (UTC). Or build the app on your machine, and deploy the output."""

    status = 429
    code = "build_minutes_limit_reached"
    limit = "build_minutes_per_day"


class BuildDeadlineError(EaselError):
    """The build timed out after {seconds:.0f} s in total, in the step `{step}`. Deploy again. If it times out again,
    the builder or its object store is too slow for this source."""

    status = 504
    code = "build_deadline"


class BuildGivenUpError(EaselError):
    """The build was started {runs} times but never finished, because its builder was interrupted each time. Perhaps the
    build needs more memory than the builder has. Easel's operator can find the cause in the builders' logs."""

    code = "build_given_up"


class SmokeTestFailedError(EaselError):
    """The new version was recorded but did not go live, because it does not work: {problem}"""

    status = 400
    code = "smoke_test_failed"


class DeployCancelledError(EaselError):
    """The deploy was cancelled by {actor}."""

    status = 400
    code = "deploy_cancelled"


class DeploySupersededError(EaselError):
    """This deploy was replaced before it was built, because of a newer push. The deploy {by} has the newest commit of
    the branch."""

    status = 400
    code = "deploy_superseded"


class PushSupersededError(DeploySupersededError):
    """Nothing was built, and the live version did not change, because the newest commit of `{branch}` is now {head} and
    no longer {sha}. To build the newest commit, use `easel deploy --git`."""


class DeploySkippedError(EaselError):
    """Nothing was built, and the live version did not change, because no file that this app is built from has changed
    since version {version}. The relevant files are {rule}. To build the commit anyway, use `easel deploy --git`."""

    status = 400
    code = "deploy_skipped"


class DeployTimedOutError(EaselError):
    """The deploy timed out after {seconds:.0f} s, in the step `{step}`. Deploy again."""

    status = 500
    code = "deploy_timed_out"


class StepTimedOutError(EaselError):
    """The deploy failed, because the step `{step}` timed out after {seconds:.0f} s. Deploy again. If it times out
    again, the server or its object store is too slow for this bundle."""

    status = 504
    code = "step_timed_out"


class DeployGivenUpError(EaselError):
    """The deploy was started {runs} times but never finished, because its worker was interrupted each time. Easel's
    operator can find the cause in the workers' logs."""

    code = "deploy_given_up"


class AppGoneError(EaselError):
    """The app was deleted during this deploy."""

    status = 404
    code = "app_deleted"


class InternalDeployError(EaselError):
    """Easel failed in the step `{step}`. Deploy again. If it fails again, tell Easel's operator, who finds details in
    the server log under {deploy_id}."""

    status = 500
    code = "internal_error"
