"""Errors of deploys: why a deploy is refused or fails."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError, LimitReachedError, NotFoundError


class DeployNotFoundError(NotFoundError):
    """There is no deploy {deploy_id} of this app."""

    code = "deploy_not_found"


class TooManyLogStreamsError(LimitReachedError):
    """This organisation has {used} log streams open; the limit is {limit}. Close some, or poll the deploy's status."""

    status = 429
    code = "log_stream_limit_reached"
    limit = "log_streams"


class BundleNotFoundError(NotFoundError):
    """There is no upload {bundle_s3_key} for this app. Request an upload URL, and send its `bundle_s3_key`."""

    code = "bundle_not_found"


class BundleNotUploadedError(BadRequestError):
    """Nothing was uploaded to {bundle_s3_key} yet. PUT the zip to its upload URL first."""

    code = "bundle_not_uploaded"


class RepositoryNotConnectedError(BadRequestError):
    """This app has no connected repository, so it cannot be deployed with source `git`. Connect one with
    `easel git connect` or `connect-repo`."""

    code = "repository_not_connected"


class SourceFilesTooManyError(BadRequestError):
    """`source_files` holds {count} files; the limit is {limit}."""

    code = "source_files_too_many"


class SourceFilesTooLargeError(BadRequestError):
    """`source_files` holds {size} bytes; the limit is {limit}."""

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
    """The uploaded bundle is no longer in the store. Upload it again and deploy again."""

    status = 400
    code = "bundle_missing"


class SourceBuildsOffError(BadRequestError):
    """The zip contains the sources of a project ({found}), which this server does not build. Build the project, and
    upload the output folder (often dist/, build/ or out/). Or ask Easel's operator to turn builds on
    (EASEL_BUILDS=sandboxed)."""

    code = "source_build_unsupported"


class TooManyWaitingBuildsError(LimitReachedError):
    """This organisation has {used} deploys waiting to be built; the limit is {limit}. Deploy again once some have
    ended."""

    status = 429
    code = "waiting_builds_limit_reached"
    limit = "waiting_builds"


class BuildMinutesError(LimitReachedError):
    """This organisation's builds took {used} minutes today; the limit is {limit}. Deploy again after midnight (UTC), or
    build on your machine and deploy the output."""

    status = 429
    code = "build_minutes_limit_reached"
    limit = "build_minutes_per_day"


class BuildDeadlineError(EaselError):
    """The build timed out after {seconds:.0f} s in total, in the step `{step}`. Deploy again; if that does not help,
    the builder or its object store is too slow for this source."""

    status = 504
    code = "build_deadline"


class BuildGivenUpError(EaselError):
    """The build was started {runs} times and never finished: its builders died or were interrupted each time. It may
    need more memory than the builder has. The builders' logs show Easel's operator the cause."""

    code = "build_given_up"


class SmokeTestFailedError(EaselError):
    """The new version was recorded but not made live, because it does not work: {problem}"""

    status = 400
    code = "smoke_test_failed"


class DeployCancelledError(EaselError):
    """Cancelled by {actor}."""

    status = 400
    code = "deploy_cancelled"


class DeploySupersededError(EaselError):
    """A newer push replaced this deploy before it was built: the deploy {by} has the branch's newest commit."""

    status = 400
    code = "deploy_superseded"


class PushSupersededError(DeploySupersededError):
    """Nothing was built, and the live version stays: `{branch}` has moved on from {sha} to {head}. `easel deploy --git`
    builds the branch's newest commit."""


class DeploySkippedError(EaselError):
    """Nothing was built, and the live version stays: since version {version}, no file changed that this app is built
    from. Relevant files are {rule}. `easel deploy --git` builds the commit anyway."""

    status = 400
    code = "deploy_skipped"


class DeployTimedOutError(EaselError):
    """The deploy timed out after {seconds:.0f} s, in the step `{step}`."""

    status = 500
    code = "deploy_timed_out"


class StepTimedOutError(EaselError):
    """The step `{step}` timed out after {seconds:.0f} s, so the deploy failed. Deploy again; if that does not help, the
    machine or its object store is too slow for this bundle."""

    status = 504
    code = "step_timed_out"


class DeployGivenUpError(EaselError):
    """The deploy was started {runs} times and never finished: its workers died or were interrupted each time. Their
    logs show Easel's operator the cause."""

    code = "deploy_given_up"


class AppGoneError(EaselError):
    """The app was deleted during this deploy."""

    status = 404
    code = "app_deleted"


class InternalDeployError(EaselError):
    """Easel failed in the step `{step}`. The server's log has details under {deploy_id}. Deploy again, and tell Easel's
    operator if it happens twice."""

    status = 500
    code = "internal_error"
