"""Errors of a deploy's folder or zip, of its upload, and of following it."""

from __future__ import annotations

from easel.bundles import errors as bundles
from easel.cli.errors import CliError
from easel.cli.exit_codes import ExitCode


class UploadFailedError(CliError):
    """The upload to {host} failed after {attempts}: {reason}. Nothing was deployed; run the command again."""

    code = "upload_failed"
    exit_code = ExitCode.UNAVAILABLE


class StoreRefusedError(CliError):
    """{host}, where the server stores bundles, refused the {what}: {reason}. Run the command again; if it fails again,
    the server's operator has to check its bucket."""

    code = "store_refused"
    exit_code = ExitCode.UNAVAILABLE


class UploadTooLargeForProxyError(StoreRefusedError):
    """A proxy in front of {host} refused the upload of {size} as too large (status 413). Raise that proxy's limit for
    bodies (`client_max_body_size` of nginx), and deploy again."""

    code = "upload_too_large_for_proxy"


class UploadAddressPlainError(StoreRefusedError):
    """The server gave an upload URL with plain http, and {host} accepts only https. The server's operator has to set
    EASEL_API_URL to its https address, or have its proxy send `X-Forwarded-Proto`."""

    code = "upload_address_plain"


class ScratchFileError(CliError):
    """The zip cannot be written to {folder}: {reason}. Set TMPDIR to a folder with enough space."""

    code = "scratch_file_unwritable"


class CommitOlderError(CliError):
    """The commit {sha} is older than {live}, which is live on {environment} as version {version}. Nothing was deployed.
    To go back to it, leave out `--not-older`, or use `easel restore`."""

    code = "commit_older"
    exit_code = ExitCode.CONFLICT


class CommitOrderUnknownError(CliError):
    """It cannot be determined whether the commit is older than the live one: {why}. Fetch the whole history
    (`fetch-depth: 0`, `GIT_DEPTH: 0`), or leave out `--not-older`."""

    code = "commit_order_unknown"
    exit_code = ExitCode.CONFLICT


class DownloadFailedError(CliError):
    """The download was interrupted: {reason}. No partial file remains; run the command again."""

    code = "download_failed"
    exit_code = ExitCode.UNAVAILABLE


class FollowingLostError(CliError):
    """The connection was lost while following the deploy {deploy_id}; the deploy goes on. `easel logs -f` follows it
    again."""

    code = "following_lost"
    exit_code = ExitCode.UNAVAILABLE


class FolderMissingError(CliError):
    """There is no folder or zip `{path}`.{hint}"""

    code = "folder_missing"


class NothingToDeployError(CliError):
    """There is no built app here: no output folder of a build tool ({looked}, …) has an index.html. {hint}"""

    code = "nothing_to_deploy"


class SeveralBuildsError(CliError):
    """There are several built apps here: {found}. Name the one to deploy: `easel deploy DIR`; `folder = "DIR"` in
    easel.toml saves the choice."""

    code = "several_builds"


class TargetMissingError(CliError):
    """The path to deploy is empty. A variable in the command may be unset. Leave the path out to deploy the app in this
    folder."""

    code = "target_empty"


class SourceFolderError(CliError):
    """`{folder}` is the source of an app, not its build: {why}. {hint} Add `--as-is` to deploy it anyway."""

    code = "source_folder"


class EntryPointMissingError(CliError):
    """`{folder}` has no index.html, the page that visitors see first. {hint}"""

    code = bundles.EntryPointMissingError.code


class OptionsConflictError(CliError):
    """These options contradict each other: {reason}."""

    code = "options_conflict"


class SourceMissingError(CliError):
    """`{folder}` has no files to build, or all of them are ignored."""

    code = "source_empty"


class NotAZipError(CliError):
    """`{path}` is not a zip, or it is damaged. Name a folder instead, and `easel deploy` zips it."""

    code = bundles.NotAZipError.code


class LinkOutsideError(CliError):
    """`{path}` is a symbolic link to a place outside the folder ({target}). Copy the file in, or add the link to
    .easelignore."""

    code = "link_outside"


class LinkBrokenError(CliError):
    """`{path}` is a symbolic link whose target does not exist. Remove it, or add it to .easelignore."""

    code = "link_broken"


class LinkLoopError(CliError):
    """`{path}` is a symbolic link to a folder that contains it. Remove it, or add it to .easelignore."""

    code = "link_loop"


class FileUnreadableError(CliError):
    """`{path}` cannot be read: {reason}."""

    code = "file_unreadable"


class FileNameError(CliError):
    """The name of `{path}` is not valid text (UTF-8). Rename it, or add it to .easelignore."""

    code = "file_name_invalid"


class IgnoreFileError(CliError):
    """{file} cannot be used: {reason}."""

    code = "ignore_file_invalid"
