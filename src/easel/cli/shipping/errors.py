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
    """The server stores bundles at {host}, which refused the {what}: {reason}. Run the command again. If it fails
    again, the server's operator must check the bucket."""

    code = "store_refused"
    exit_code = ExitCode.UNAVAILABLE


class UploadTooLargeForProxyError(StoreRefusedError):
    """A proxy in front of {host} refused the upload of {size} because it is too large (status 413). Raise the proxy's
    limit for request bodies (`client_max_body_size` of nginx), and deploy again."""

    code = "upload_too_large_for_proxy"


class UploadAddressPlainError(StoreRefusedError):
    """The server sent an upload URL with plain http, but {host} accepts only https. The server's operator must set
    EASEL_API_URL to the https address of the API, or configure the proxy to send `X-Forwarded-Proto`."""

    code = "upload_address_plain"


class ScratchFileError(CliError):
    """The zip cannot be written to {folder}: {reason}. Set TMPDIR to a folder with enough space."""

    code = "scratch_file_unwritable"


class CommitOlderError(CliError):
    """The commit {sha} is older than the commit {live}, which is live on {environment} as version {version}. Nothing
    was deployed. To deploy the older commit, leave out `--not-older`, or use `easel restore`."""

    code = "commit_older"
    exit_code = ExitCode.CONFLICT


class CommitOrderUnknownError(CliError):
    """Easel cannot determine whether the commit is older than the live commit: {why}. Fetch the whole history
    (`fetch-depth: 0`, `GIT_DEPTH: 0`), or leave out `--not-older`."""

    code = "commit_order_unknown"
    exit_code = ExitCode.CONFLICT


class DownloadFailedError(CliError):
    """The download was interrupted: {reason}. No partial file was left behind. Run the command again."""

    code = "download_failed"
    exit_code = ExitCode.UNAVAILABLE


class FollowingLostError(CliError):
    """The server became unreachable while the command followed the deploy {deploy_id}. The deploy continues when the
    server runs again. Then follow it with `easel logs -f {deploy_id}`."""

    code = "following_lost"
    exit_code = ExitCode.UNAVAILABLE


class FolderMissingError(CliError):
    """There is no folder or zip `{path}`.{hint}"""

    code = "folder_missing"


class NothingToDeployError(CliError):
    """This folder contains no built app: no output folder of a build tool ({looked}, …) has an index.html. {hint}"""

    code = "nothing_to_deploy"


class SeveralBuildsError(CliError):
    """This folder contains several built apps: {found}. Choose one with `easel deploy DIR`. To save the choice, write
    `folder = "DIR"` into easel.toml."""

    code = "several_builds"


class TargetMissingError(CliError):
    """The path to deploy is empty. Perhaps a variable in your command is not set. To deploy the app in this folder,
    leave out the path."""

    code = "target_empty"


class SourceFolderError(CliError):
    """`{folder}` contains the sources of an app, not its build output: {why}. {hint} To deploy the folder anyway, add
    `--as-is`."""

    code = "source_folder"


class EntryPointMissingError(CliError):
    """`{folder}` has no index.html, the page that visitors see first. {hint}"""

    code = bundles.EntryPointMissingError.code


class OptionsConflictError(CliError):
    """These options cannot be combined: {reason}."""

    code = "options_conflict"


class OptionNeedsError(OptionsConflictError):
    """An option is missing: {reason}."""

    code = OptionsConflictError.code


class SourceMissingError(CliError):
    """`{folder}` contains no files to build, or all its files are ignored. Check .gitignore and .easelignore."""

    code = "source_empty"


class NotAZipError(CliError):
    """`{path}` is not a zip file, or it is damaged. You can also pass a folder: `easel deploy` creates the zip for
    you."""

    code = bundles.NotAZipError.code


class LinkOutsideError(CliError):
    """`{path}` is a symbolic link that leads out of the folder ({target}). Copy its target into the folder, or add the
    link to .easelignore."""

    code = "link_outside"


class LinkBrokenError(CliError):
    """`{path}` is a symbolic link whose target does not exist. Remove the link, or add it to .easelignore."""

    code = "link_broken"


class LinkLoopError(CliError):
    """`{path}` is a symbolic link to a folder that contains the link itself. Remove the link, or add it to
    .easelignore."""

    code = "link_loop"


class FileUnreadableError(CliError):
    """`{path}` cannot be read: {reason}."""

    code = "file_unreadable"


class FileNameError(CliError):
    """The name of `{path}` is not valid text (UTF-8). Rename the file, or add it to .easelignore."""

    code = "file_name_invalid"


class BackslashError(CliError):
    """The name of `{path}` contains a backslash, which separates folders in zips of Windows. Rename the file, or add
    it to .easelignore."""

    code = "file_name_backslash"


class IgnoreFileError(CliError):
    """{file} cannot be used: {reason}."""

    code = "ignore_file_invalid"
