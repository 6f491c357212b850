"""The forms of an environment or a version on the command line, and their meaning."""

from __future__ import annotations

import re

from easel.cli.answers import Deploy, Version
from easel.cli.client import Client
from easel.cli.errors import (
    CliError,
    EnvironmentEmptyError,
    EnvironmentNameError,
    MessageMissingError,
    NoDeployError,
    NoSuchVersionError,
    VersionNameError,
)
from easel.cli.session import Session
from easel.deploys.states import UNFINISHED
from easel.environments.names import NAMES, PRODUCTION

_NUMBER = re.compile(r"v?([1-9][0-9]{0,8})\Z")


def environment_or_default(session: Session, given: str | None) -> str:
    """Returns the environment to use: `given`, else the environment in easel.toml, else production. Raises
    EnvironmentNameError for a name that is neither `production` nor `staging`."""
    environment = given or session.project.env or PRODUCTION
    if environment not in NAMES:
        raise EnvironmentNameError(environment=environment)
    return environment


def version_number(client: Client, app_id: str, text: str) -> int:
    """Returns the number of a version. `text` is `3`, `v3`, `latest`, or an environment that serves the version. Raises
    VersionNameError, EnvironmentEmptyError and the API's errors."""
    number = _NUMBER.match(text)
    if number:
        return int(number[1])
    return find_version(client, app_id, text).version


def find_version(client: Client, app_id: str, text: str) -> Version:
    """Returns the version with this number or name. Raises VersionNameError, NoSuchVersionError, EnvironmentEmptyError
    and the API's errors."""
    number = _NUMBER.match(text)
    if not number and text not in ("latest", *NAMES):
        raise VersionNameError(text=text)
    for version in client.list_versions(app_id).versions:
        named = text == "latest" or version.is_active.get(text)
        if version.version == int(number[1]) if number else named:
            return version
    if number:
        raise NoSuchVersionError(version=number[1])
    if text == "latest":
        raise EnvironmentEmptyError(environment="The app", option="")
    raise EnvironmentEmptyError(environment=text, option=f" --env {text}")


def find_deploy(client: Client, app_id: str, slug: str, given: str | None, *, running: bool) -> Deploy:
    """Returns the deploy with this id, else the newest deploy. With `running`, only a deploy that still runs counts.
    Raises NoDeployError, ApiError."""
    if given is not None:
        return client.deploy_status(app_id, given)
    deploys = client.list_deploys(app_id, limit=100 if running else 1).deploys
    for deploy in deploys:
        if not running or deploy.status in UNFINISHED:
            return deploy
    if running:
        raise NoDeployError(
            slug=slug, kind=" that is queued or building", hint=" List the ended deploys with `easel deploys`."
        )
    raise NoDeployError(slug=slug, kind=" yet", hint=" Start one with `easel deploy`.")


def message_or_ask(
    session: Session,
    given: str | None,
    default: str | None = None,
    question: str = "What changed",
    missing: type[CliError] = MessageMissingError,
) -> str:
    """Returns the given message, else the message that the user types at the terminal. Raises the error `missing` if
    there is no message."""
    message = given
    if message is None and session.output.interactive:
        message = session.output.ask(question, default=default)
    if message is None or not message.strip():
        raise missing()
    return message
