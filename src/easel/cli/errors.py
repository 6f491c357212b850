"""Errors of the command line, and the errors that a server answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from easel.apps import errors as apps
from easel.cli.exit_codes import ExitCode, for_status
from easel.deploys import errors as deploys
from easel.errors import EaselError
from easel.places import DataFolderMissingError
from easel.versions import errors as versions

if TYPE_CHECKING:
    from easel.cli.answers import Problem


class CliError(EaselError):
    """The command could not be carried out."""

    code = "cli_error"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ApiError(EaselError):
    """{reason}"""

    def __init__(self, status: int, answer: Problem) -> None:
        super().__init__(reason=answer.message)
        self.http_status = status
        self.answer = answer


class NotAnEaselServerError(CliError):
    """{server} answered {status}, but not like an Easel server. Check the address: it must be the API's, not an
    app's."""

    code = "not_an_easel_server"
    exit_code = ExitCode.UNAVAILABLE


class ServerUnavailableError(NotAnEaselServerError):
    """{server} is not available: the proxy in front of it answered {status}. Try again in a moment."""

    code = "server_unavailable"


class ServerMovedError(NotAnEaselServerError):
    """{server} only redirects to {location}, and a redirect would lose the request. Use that address: `--server
    {location}`, EASEL_SERVER, or `server` in easel.toml."""

    code = "server_moved"
    exit_code = ExitCode.USAGE


class SentElsewhereError(NotAnEaselServerError):
    """{server} answered {status} and redirects to {location}: it is no Easel server, but perhaps a sign-in page in
    front of one. Check the address: it must be the API's."""

    code = "sent_elsewhere"


class RequestTooLargeForProxyError(NotAnEaselServerError):
    """A proxy in front of {server} refused the request as too large (status {status}). Raise that proxy's limit for
    bodies (`client_max_body_size` of nginx)."""

    code = "request_too_large_for_proxy"


class ProxyAsksError(NotAnEaselServerError):
    """The proxy in front of {server} requires a user name and a password: write {login} into the variable that names
    the proxy."""

    code = "proxy_asks"


class ServerUnreachableError(CliError):
    """{server} is unreachable: {reason}. Check the address (`--server`, EASEL_SERVER) and that the server runs."""

    code = "server_unreachable"
    exit_code = ExitCode.UNAVAILABLE


class ProxyUnusableError(CliError):
    """The proxy in {variable} cannot be used: {reason}. Set another one there, or add {host} to NO_PROXY to go without
    one."""

    code = "proxy_unusable"


class CertificatesUnusableError(CliError):
    """The certificates in {variable} (`{path}`) cannot be read: {reason}. Correct the variable, or unset it to use the
    system's."""

    code = "certificates_unusable"


class ServerNotInstalledError(CliError):
    """`easel {command}` needs the server, which is not installed. Install Easel's wheel with its extra `server`."""

    code = "server_not_installed"


class NotSignedInError(CliError):
    """There is no API key for {server}.{known} Run `easel login`, or set EASEL_API_KEY; on the machine that runs
    `easel serve`, name its data folder with `--data-dir`."""

    code = "not_signed_in"
    exit_code = ExitCode.DENIED


class ServerAddressError(CliError):
    """`{address}` is not the address of a server. Write it like `https://easel.example.com` or `localhost:8000`."""

    code = "server_address_invalid"


class ApiKeyMalformedError(CliError):
    """{what}: keys begin with `sk_`. The first key of a server is in its data folder, in the file `api-key`; its holder
    creates more keys with `easel keys create`."""

    code = "api_key_malformed"


class CredentialsUnreadableError(CliError):
    """{file} cannot be read: {reason}. Repair it, or remove it and run `easel login`."""

    code = "credentials_unreadable"


class CredentialsUnwritableError(CliError):
    """The key cannot be saved in {file}: {reason}. Set XDG_CONFIG_HOME to a folder that you can write to, or give the
    key by EASEL_API_KEY and the server by EASEL_SERVER."""

    code = "credentials_unwritable"


class NoHomeError(CliError):
    """There is no home folder to save the key in. Set HOME or XDG_CONFIG_HOME, or give the key by EASEL_API_KEY and the
    server by EASEL_SERVER."""

    code = "no_home"


class WorkingFolderGoneError(CliError):
    """The working folder is deleted or unreadable ({reason}). Change to another one."""

    code = "working_folder_gone"


class OutputClosedError(CliError):
    """Standard output is closed, so nothing can be written."""

    code = "output_closed"


class ProjectFileError(CliError):
    """{file}: {reason}"""

    code = "project_file_invalid"


class NoAppGivenError(CliError):
    """No app is given. Give `--app SLUG`, or put `app = "slug"` into an easel.toml here; `easel deploy --create` makes
    a new app and writes the file."""

    code = "app_not_given"


class AppNamedTwiceError(CliError):
    """`{one}` and `--app {other}` name two apps. Name one."""

    code = "app_named_twice"


class AppToDeleteMissingError(CliError):
    """No app to delete is given. Name it: `easel apps delete SLUG`, `--app SLUG` or EASEL_APP."""

    code = "app_not_given"


class NoSuchAppError(CliError):
    """There is no app `{app}` on {server}. `easel apps list` shows yours; `easel deploy --create` or
    `easel apps create` makes it."""

    code = apps.AppNotFoundError.code
    exit_code = ExitCode.NOT_FOUND


class TokenMissingError(CliError):
    """`--token-stdin` needs an access token on standard input: `… --token-stdin < token`."""

    code = "token_missing"


class FileUnreadableError(CliError):
    """{path} cannot be read: {reason}."""

    code = "file_unreadable"


class NoSlugError(CliError):
    """The name `{name}` gives no slug, which has 3 to 60 of a-z, 0-9 and '-'. Choose one with `--app SLUG`."""

    code = "slug_not_given"


class ReasonMissingError(CliError):
    """A lock needs a reason, which others see: `-m "…"`."""

    code = "reason_missing"


class MessageMissingError(CliError):
    """A message that describes the change is needed: `-m "…"`. It is stored with the version, like a commit's."""

    code = "message_missing"


class ConfirmationMissingError(CliError):
    """This {what}. Add `--yes` to skip the confirmation."""

    code = "confirmation_missing"


class NoDataHereError(CliError):
    """{folder} is not the data folder of a server: it has no file `api-key`."""

    code = DataFolderMissingError.code
    exit_code = ExitCode.NOT_FOUND


class VersionNameError(CliError):
    """`{text}` is not a version: give its number (3 or v3), `latest`, `production` or `staging`."""

    code = "version_invalid"


class NoSuchVersionError(CliError):
    """There is no version {version} of this app. `easel versions` lists them."""

    code = versions.VersionNotFoundError.code
    exit_code = ExitCode.NOT_FOUND


class EnvironmentEmptyError(CliError):
    """{environment} serves no version yet."""

    code = "environment_empty"
    exit_code = ExitCode.NOT_FOUND


class NoDeployError(CliError):
    """{slug} has no deploy{kind}.{hint}"""

    code = deploys.DeployNotFoundError.code
    exit_code = ExitCode.NOT_FOUND


class FileExistsAlreadyError(CliError):
    """{path} already exists. Choose another name with `--output`, or replace it with `--force`."""

    code = "file_exists"


class TargetFolderMissingError(CliError):
    """The folder `{folder}` to write to does not exist."""

    code = "folder_missing"


class NothingToChangeError(CliError):
    """No change was given. `easel apps update --help` lists the options."""

    code = "nothing_to_change"


class AssignmentError(CliError):
    """`{text}` is not NAME=VALUE."""

    code = "assignment_invalid"


class EnvironmentNameError(CliError):
    """`{environment}` is not an environment: choose production or staging."""

    code = "environment_invalid"


class SettingInvalidError(CliError):
    """{setting} cannot be `{value}`: {reason}."""

    code = "setting_invalid"


class UnexpectedError(CliError):
    """An unexpected error occurred: {reason}. EASEL_TRACEBACK=1 shows where; please report it."""

    code = "unexpected"
    exit_code = ExitCode.UNEXPECTED


class InterruptedByUserError(CliError):
    """{what}"""

    code = "interrupted"
    exit_code = ExitCode.INTERRUPTED


def exit_code_of(error: EaselError) -> ExitCode:
    """The exit code of this error."""
    if isinstance(error, CliError):
        return error.exit_code
    if isinstance(error, ApiError):
        return for_status(error.http_status)
    code = for_status(error.status)
    return ExitCode.UNEXPECTED if error.status == 500 else code
