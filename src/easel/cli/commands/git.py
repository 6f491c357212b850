"""`easel git`: the repository whose branch an app follows."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from easel.cli.answers import Repository
from easel.cli.command import Group, app_option, client_command
from easel.cli.errors import FileUnreadableError, TokenMissingError
from easel.cli.exit_codes import ExitCode
from easel.cli.session import Session
from easel.cli.text import when
from easel.errors import EaselError
from easel.repositories.errors import BranchMissingError
from easel.repositories.host_keys import LONGEST, place, published
from easel.repositories.remote_url import read_url

MASK = "***"
"""The text that is shown in place of a secret."""
_USABLE = ("read", "not_checked")
_LONGEST_FILE = 20_000
_TOKEN_LENGTH = 4096


@click.group("git", cls=Group, no_args_is_help=True)
def group() -> None:
    """Connect an app to a branch of a Git repository."""


@client_command("connect", group=group)
@click.argument("url", help="The repository's https or ssh address.")
@click.option("--branch", "-b", default="main", metavar="NAME", help="The branch that the app is deployed from.")
@click.option(
    "--provider",
    metavar="github|gitlab|gitea|bitbucket|plain",
    help="The type of Git host. [default: detected from the host name]",
)
@click.option("--root", metavar="DIR", help="The app's folder within the repository.")
@click.option("--username", metavar="NAME", help="The user name for the token, if the Git host needs one.")
@click.option("--token-stdin", is_flag=True, help="Read an access token from standard input.")
@click.option(
    "--deploy-key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file with an ssh private key to use as the deploy key.",
)
@click.option(
    "--new-deploy-key",
    is_flag=True,
    help="Create a new deploy key. Not needed on the first connection to an ssh address.",
)
@click.option(
    "--known-hosts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file with the ssh host keys. [default: your known_hosts file]",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="submodules|lfs",
    help="Allow builds in which these parts of the repository are missing.",
)
@click.option("--new-webhook-secret", is_flag=True, help="Create a new webhook secret.")
@app_option
def connect(
    session: Session,
    url: str,
    branch: str,
    provider: str | None,
    root: str | None,
    username: str | None,
    token_stdin: bool,
    deploy_key: Path | None,
    new_deploy_key: bool,
    known_hosts: Path | None,
    allow: Sequence[str],
    new_webhook_secret: bool,
    app: str | None,
) -> None:
    """Make an app deploy from a Git branch, and print the deploy key and webhook to add at the Git host."""
    found = session.app(app)
    request: dict[str, Any] = {
        "repo_url": url,
        "branch": branch,
        "provider": provider,
        "root": root,
        "username": username,
        "token": _token() if token_stdin else None,
        "deploy_key": _text_of(deploy_key) if deploy_key is not None else None,
        "new_deploy_key": new_deploy_key or None,
        "known_hosts": _text_of(known_hosts) if known_hosts is not None else _known_to_user(url),
        "allow": list(allow) or None,
        "new_webhook_secret": new_webhook_secret or None,
    }
    answer = session.client.connect_repository(found.app_id, request)
    failure = answer.check if answer.check is not None and answer.check.status not in _USABLE else None
    if failure is not None:
        session.output.warn(
            f"The connection of {found.slug} to {answer.repo_url} is saved, but Easel cannot read the repository. "
            f"{failure.message}"
        )
        corrected = _again(answer, given={"--provider": provider, "--root": root}, allow=allow)
        session.output.say(f"To correct the connection, run {session.again(corrected)}.")
    else:
        session.output.done(f"{found.slug} is now deployed from the branch {answer.branch} of {answer.repo_url}.")
        if answer.check is not None and answer.check.status == "read":
            session.output.say(answer.check.message)
    _tell_host(session, answer)
    if failure is None:
        session.output.say(f"To deploy the branch now, run {session.again('deploy --git')}.")
    _table(session, answer)
    session.output.document(answer)
    if failure is not None:
        raise click.exceptions.Exit(int(ExitCode.USAGE))


@client_command("status", group=group)
@app_option
def status(session: Session, app: str | None) -> None:
    """Show the branch that an app deploys from, and the deploy key and webhook to add at the Git host."""
    answer = session.client.repository(session.app(app).app_id)
    _table(session, answer)
    session.output.document(answer)


@client_command("disconnect", group=group)
@app_option
def disconnect(session: Session, app: str | None) -> None:
    """Disconnect an app from its repository. Deletes the token, deploy key and webhook secret that Easel stores for
    it."""
    found = session.app(app)
    answer = session.client.disconnect_repository(found.app_id)
    session.output.done(
        f"{found.slug} is no longer connected to a repository. Remove the webhook and the deploy key at the Git host."
    )
    session.output.document(answer)


def _again(answer: Repository, *, given: Mapping[str, str | None], allow: Sequence[str]) -> str:
    """Returns the command that connects the repository again. It contains a branch that exists if the check has found
    one, and the options that a new connection would otherwise reset."""
    code = answer.check.code if answer.check is not None else None
    others = answer.check.branches if answer.check is not None else []
    if code == BranchMissingError.code:
        url, branch = answer.repo_url, others[0] if others else answer.branch
    else:
        url, branch = "URL", answer.branch
    words = [url, "--branch", branch]
    for option, value in given.items():
        words += [option, value] if value is not None else []
    for part in allow:
        words += ["--allow", part]
    return f"git connect {shlex.join(words)}"


def _tell_host(session: Session, answer: Repository) -> None:
    if answer.credential == "deploy_key":
        again = answer.check is not None and answer.check.status == "not_checked"
        session.output.say(
            "At the Git host, add the deploy key to the repository, with read access only."
            + (" Then run this command again, so that Easel checks the repository." if again else "")
        )
        if not answer.host_keys:
            session.output.warn(
                "The ssh host key of the Git host is unknown, so Easel cannot fetch the repository yet. Write the "
                "output of `ssh-keyscan` to a file, and compare its fingerprint with the fingerprint that the Git host "
                "publishes. Then connect again with `--known-hosts FILE`."
            )
    session.output.say(
        "At the Git host, add the webhook to the repository, with the content type JSON and for push events. Then "
        "each push is deployed."
    )
    if answer.webhook_secret != MASK:
        session.output.say("The webhook secret will not be shown again.")


def _table(session: Session, answer: Repository) -> None:
    for warning in answer.warnings or ():
        # `connect` shows the failed check first.
        if answer.check is None or warning != answer.check.message:
            session.output.warn(warning)
    rows = [
        ("repository", answer.repo_url),
        ("branch", answer.branch),
        ("root folder", answer.root or "the root of the repository"),
        ("host", answer.provider),
        ("read with", (answer.credential or "nothing (the repository must be public)").replace("_", " ")),
        ("deploy key", answer.deploy_key or ""),
        *(("host key", key) for key in answer.host_keys),
        ("webhook", answer.webhook_url),
        ("webhook secret", answer.webhook_secret),
        ("without", ", ".join(answer.allow)),
        ("connected", f"{when(answer.connected_at)} by {answer.connected_by}"),
    ]
    session.output.table(("SETTING", "VALUE"), [row for row in rows if row[1]])


def _token() -> str:
    token = sys.stdin.read(_TOKEN_LENGTH + 1).strip()
    if not token or len(token) > _TOKEN_LENGTH:
        raise TokenMissingError()
    return token


def _text_of(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(_LONGEST_FILE)
    except OSError as error:
        raise FileUnreadableError(path=str(file), reason=error.strerror) from error


def _known_to_user(url: str) -> str | None:
    """Returns the ssh host keys of the Git host that this user's own ssh trusts, if the URL is an ssh address. Returns
    None if the user's ssh trusts no key of the host, or if Easel already knows the host's keys."""
    try:
        remote = read_url(url)
    except EaselError:
        # The server reports the fault in the address.
        return None
    program = shutil.which("ssh-keygen")
    if remote.scheme != "ssh" or published(remote) is not None or program is None:
        return None
    ended = subprocess.run([program, "-F", place(remote)], capture_output=True, text=True, check=False)
    lines = [line for line in ended.stdout.splitlines() if line and not line.startswith(("#", "@"))]
    text = "".join(f"{line}\n" for line in lines)
    return text if lines and len(text) <= LONGEST else None
