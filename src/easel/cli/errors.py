"""Errors of the command line, and errors in a server's responses."""

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
    """{server} responded with status {status}, but not like an Easel server. Check the address: it must be the address
    of the API, not of an app."""

    code = "not_an_easel_server"
    exit_code = ExitCode.UNAVAILABLE


class ServerUnavailableError(NotAnEaselServerError):
    """{server} is not available: the proxy in front of it responded with status {status}. Try again in a moment."""

    code = "server_unavailable"


class ServerMovedError(NotAnEaselServerError):
    """{server} redirects to {location}, and a redirected request would lose its content. Use the new address: `--server
    {location}`, EASEL_SERVER, or `server` in easel.toml."""

    code = "server_moved"
    exit_code = ExitCode.USAGE


class SentElsewhereError(NotAnEaselServerError):
    """{server} responded with status {status} and a redirect to {location}. {server} is not an Easel server; perhaps a
    sign-in page protects it. Check the address: it must be the address of the API."""

    code = "sent_elsewhere"


class RequestTooLargeForProxyError(NotAnEaselServerError):
    """A proxy in front of {server} refused the request because it is too large (status {status}). Raise the proxy's
    limit for request bodies (`client_max_body_size` of nginx)."""

    code = "request_too_large_for_proxy"


class ProxyAsksError(NotAnEaselServerError):
    """The proxy in front of {server} requires a user name and a password. In the variable that sets the proxy, write
    its address like {login}."""

    code = "proxy_asks"


class ServerUnreachableError(CliError):
    """{server} is unreachable: {reason}. Check the address (`--server`, EASEL_SERVER), and check that the server
    runs."""

    code = "server_unreachable"
    exit_code = ExitCode.UNAVAILABLE


class ProxyUnusableError(CliError):
    """The proxy in the variable {variable} cannot be used: {reason}. Set another proxy, or add {host} to NO_PROXY to
    connect without a proxy."""

    code = "proxy_unusable"


class CertificatesUnusableError(CliError):
    """The certificates in {variable} (`{path}`) cannot be read: {reason}. Correct the variable, or unset it to use the
    system's certificates."""

    code = "certificates_unusable"


class ServerNotInstalledError(CliError):
    """`easel {command}` needs the server, which is not installed. Install Easel's wheel with the extra `server`."""

    code = "server_not_installed"


class NotSignedInError(CliError):
    """There is no API key for {server}.{known} Run `easel login`, or set EASEL_API_KEY. On the machine that runs `easel
    serve`, you can also pass its data folder with `--data-dir`."""

    code = "not_signed_in"
    exit_code = ExitCode.DENIED


class ServerAddressError(CliError):
    """`{address}` is not a server's address. Write it like `https://easel.example.com` or `localhost:8000`."""

    code = "server_address_invalid"


class ApiKeyMalformedError(CliError):
    """{what}. An API key begins with `sk_`. The first key of a server is in the file `api-key` in the server's data
    folder. With that key, create more keys with `easel keys create`."""

    code = "api_key_malformed"


class CredentialsUnreadableError(CliError):
    """{file} cannot be read: {reason}. Repair the file, or remove it and run `easel login`."""

    code = "credentials_unreadable"


class CredentialsUnwritableError(CliError):
    """The key cannot be saved in {file}: {reason}. Set XDG_CONFIG_HOME to a folder that you can write to. Or do not
    save the key: set EASEL_API_KEY and EASEL_SERVER."""

    code = "credentials_unwritable"


class NoHomeError(CliError):
    """There is no home folder to save the key in. Set HOME or XDG_CONFIG_HOME. Or do not save the key: set
    EASEL_API_KEY and EASEL_SERVER."""

    code = "no_home"


class WorkingFolderGoneError(CliError):
    """The working folder was deleted or cannot be read ({reason}). Change to another folder."""

    code = "working_folder_gone"


class OutputClosedError(CliError):
    """Standard output is closed, so nothing can be written."""

    code = "output_closed"


class ProjectFileError(CliError):
    """{file}: {reason}"""

    code = "project_file_invalid"


class NoAppGivenError(CliError):
    """No app is given. Use `--app SLUG`, or write `app = "slug"` into an easel.toml in this folder. To create a new app
    and its easel.toml, use `easel deploy --create`."""

    code = "app_not_given"


class AppNamedTwiceError(CliError):
    """`{one}` and `--app {other}` are two different apps. Give only one of them."""

    code = "app_named_twice"


class AppToDeleteMissingError(CliError):
    """No app to delete is given. Pass the app with `easel apps delete SLUG`, `--app SLUG` or EASEL_APP."""

    code = "app_not_given"


class NoSuchAppError(CliError):
    """There is no app `{app}` on {server} that your key may use. List your apps with `easel apps list`, or create a new
    app with `easel deploy --create` or `easel apps create`."""

    code = apps.AppNotFoundError.code
    exit_code = ExitCode.NOT_FOUND


class TokenMissingError(CliError):
    """`--token-stdin` reads an access token from standard input, but standard input has none. Run `… --token-stdin <
    token`."""

    code = "token_missing"


class FileUnreadableError(CliError):
    """{path} cannot be read: {reason}."""

    code = "file_unreadable"


class AppExistsError(CliError):
    """There is already an app `{app}` on {server}, and no easel.toml says that it belongs to this folder or zip. To
    deploy to it, run `easel deploy --app {app}`. To create another app, run `easel deploy --create --app NAME`."""

    code = apps.SlugTakenError.code
    exit_code = ExitCode.CONFLICT


class NoSlugError(CliError):
    """No slug can be formed from the name `{name}`. A slug has 3 to 60 characters out of a-z, 0-9 and '-'. Choose a
    slug with `--app SLUG`."""

    code = "slug_not_given"


class ReasonMissingError(CliError):
    """A lock needs a reason, which other users see. Add it with `-m "…"`."""

    code = "reason_missing"


class MessageMissingError(CliError):
    """A message that describes the change is missing. Add it with `-m "…"`. It is stored with the version, like a
    commit message."""

    code = "message_missing"


class ConfirmationMissingError(CliError):
    """This {what}. Add `--yes` to skip the confirmation."""

    code = "confirmation_missing"


class NoDataHereError(CliError):
    """{folder} is not the data folder of a server, because it has no file `api-key`. Pass the folder in which `easel
    serve` keeps its data."""

    code = DataFolderMissingError.code
    exit_code = ExitCode.NOT_FOUND


class VersionNameError(CliError):
    """`{text}` is not a version. Give a version number (3 or v3), `latest`, `production` or `staging`."""

    code = "version_invalid"


class NoSuchVersionError(CliError):
    """There is no version {version} of this app. List the versions with `easel versions`."""

    code = versions.VersionNotFoundError.code
    exit_code = ExitCode.NOT_FOUND


class EnvironmentEmptyError(CliError):
    """{environment} does not serve a version yet. Deploy one with `easel deploy{option}`."""

    code = "environment_empty"
    exit_code = ExitCode.NOT_FOUND


class NoDeployError(CliError):
    """{slug} has no deploy{kind}.{hint}"""

    code = deploys.DeployNotFoundError.code
    exit_code = ExitCode.NOT_FOUND


class FileExistsAlreadyError(CliError):
    """{path} already exists. Choose another name with `--output`, or overwrite the file with `--force`."""

    code = "file_exists"


class TargetFolderMissingError(CliError):
    """The output file cannot be written, because the folder `{folder}` does not exist."""

    code = "folder_missing"


class NothingToChangeError(CliError):
    """No change was given. See the options in `easel apps update --help`."""

    code = "nothing_to_change"


class AssignmentError(CliError):
    """`{text}` does not have the form NAME=VALUE. Write it like `GREETING=hello`."""

    code = "assignment_invalid"


class EnvironmentNameError(CliError):
    """`{environment}` is not an environment. Choose `production` or `staging`."""

    code = "environment_invalid"


class SettingInvalidError(CliError):
    """{setting} cannot be `{value}`: {reason}."""

    code = "setting_invalid"


class UnexpectedError(CliError):
    """An unexpected error occurred: {reason}. Set EASEL_TRACEBACK=1 to see the traceback, and please report the
    error."""

    code = "unexpected"
    exit_code = ExitCode.UNEXPECTED


class PathUnusableError(CliError):
    """`{path}` cannot be used: {reason}."""

    code = "path_unusable"


class OutputUnwritableError(CliError):
    """The output cannot be written: {reason}."""

    code = "output_unwritable"
    exit_code = ExitCode.UNEXPECTED


class InterruptedByUserError(CliError):
    """{what}"""

    code = "interrupted"
    exit_code = ExitCode.INTERRUPTED


def exit_code_of(error: EaselError) -> ExitCode:
    """Returns the exit code with which a command that raised this error ends."""
    if isinstance(error, CliError):
        return error.exit_code
    if isinstance(error, ApiError):
        return for_status(error.http_status)
    code = for_status(error.status)
    return ExitCode.UNEXPECTED if error.status == 500 else code
