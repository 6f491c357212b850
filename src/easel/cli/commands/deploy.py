"""`easel deploy`: makes a version from a folder or zip, and makes it live."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import click

from easel.cli.answers import Accepted, App, Deploy
from easel.cli.choices import environment_or_default, message_or_ask
from easel.cli.command import app_option, client_command, env_option
from easel.cli.errors import AppExistsError, InterruptedByUserError, NoSlugError, NoSuchAppError, ProjectFileError
from easel.cli.project import FILE_NAME, slug_from, write_project
from easel.cli.session import Session
from easel.cli.shipping.deploy_report import report_end
from easel.cli.shipping.errors import OptionNeedsError, OptionsConflictError, SourceFolderError, TargetMissingError
from easel.cli.shipping.follow import Follower, LogLine, note_lost
from easel.cli.shipping.from_git import message_for, order_commit
from easel.cli.shipping.new_app import NewApp
from easel.cli.shipping.queue_note import note_long_wait
from easel.cli.shipping.ship import LONGEST_MESSAGE, Shipment, check, ship
from easel.cli.shipping.source_zip import source_target
from easel.cli.shipping.target import (
    Target,
    choose_target,
    deployed_project,
    displayed,
    name_of_app,
    project_root,
    refuse_source,
    settings_folder,
)
from easel.cli.shipping.worktree import current_commit, is_distrusted
from easel.cli.text import shortened
from easel.deploys.states import FAILED


@client_command("deploy")
@click.argument(
    "path", metavar="[DIR|ZIP]", help="Folder or zip. [default: easel.toml's folder, or a build folder]", required=False
)
@click.option("--message", "-m", help="A description of the change, like a commit message.")
@app_option
@env_option
@click.option("--create", help="Create the app if it does not exist, and write easel.toml.", is_flag=True)
@click.option("--source-files", help="Also send the sources, for line-by-line diffs.", is_flag=True)
@click.option("--wait/--no-wait", help="Wait until the deploy ends, and show its progress.", default=True)
@click.option("--not-older", help="Refuse a commit that is older than the live commit.", is_flag=True)
@click.option("--as-is", help="Deploy a folder or zip unchanged, even if it looks like sources.", is_flag=True)
@click.option("--build", help="Send the project's sources, so that Easel builds them.", is_flag=True)
@click.option("--git", "from_git", help="Deploy a commit of the connected repository.", is_flag=True)
@click.option("--commit", "git_commit", metavar="SHA", help="With --git: the commit to deploy. [default: the newest]")
@click.option("--branch", metavar="NAME", help="With --git: the branch to deploy. [default: the connected branch]")
@click.option("--root", metavar="DIR", help="For a build: the path of the project's folder within the sources.")
@click.option("--install", metavar="COMMAND", help="For a build: the install command.")
@click.option("--build-command", metavar="COMMAND", help="For a build: the build command.")
@click.option("--output", metavar="DIR", help="For a build: the folder that the build writes.")
@click.option("--node", metavar="VERSION", help="For a build: the version of Node, or a range of versions.")
@click.option("--no-cache", help="For a build: do not use the cache.", is_flag=True)
def deploy(
    session: Session,
    path: str | None,
    message: str | None,
    app: str | None,
    env: str | None,
    create: bool,
    source_files: bool,
    wait: bool,
    not_older: bool,
    as_is: bool,
    build: bool,
    from_git: bool,
    git_commit: str | None,
    branch: str | None,
    no_cache: bool,
    **settings: str | None,
) -> None:
    """Deploy a built app: zip it, upload it, follow the deploy, print the address.

    With --build or --git, Easel first builds the project from its sources.

    Leaves out files that match .easelignore (gitignore syntax). By default, also leaves out repositories, node_modules
    and .env files."""
    output = session.output
    environment = environment_or_default(session, env)
    asked = {**settings, "no_cache": no_cache or None}
    overrides = _overrides(asked, build=build, from_git=from_git, path=path, of_git=git_commit or branch)
    if from_git:
        found = session.app(app)
        text = message or message_for(git_commit, branch)
        build_config = {**session.project.build_config, **overrides}
        accepted = order_commit(
            session, found.app_id, environment, text, commit=git_commit, branch=branch, build_config=build_config
        )
        _end(session, accepted, wait=wait)
        return
    if path is not None and not path.strip():
        raise TargetMissingError()
    given = None if path is None else Path(path)
    around = session.project
    session.project = deployed_project(around, given, session.working, app=app, create=create)
    if session.project is not around:
        whose = f"belongs to the app {around.app}" if around.app else "does not set an app"
        output.say(f"{around.file} {whose} and is not used or changed; the project in this folder is deployed.")
    if build:
        target = source_target(given, session.project, session.working)
    else:
        target = choose_target(given, session.project, session.working)
    if not build:
        overrides |= _as_it_is(target, displayed(target.path, session.working), as_is=as_is)
    if target.found:
        output.say(f"Deploying {displayed(target.path, session.working)}, because {target.found}.")
    root = project_root(session.project, target, session.working)
    new_name = name_of_app(root, target)
    name = _app_name(session, app, new_name, create=create)
    commit = current_commit(target.path, root)
    if commit is None and is_distrusted(root):
        output.warn(
            f"another user owns the Git repository in this folder, so Git does not read it, and the deploy records "
            f"no commit. To change that, run `git config --global --add safe.directory {root.resolve()}`."
        )
    text = message_or_ask(session, message, shortened(commit.subject, LONGEST_MESSAGE) if commit else None)
    if len(text) > LONGEST_MESSAGE:
        output.warn(f"the message was shortened to {LONGEST_MESSAGE:,} characters.")
        text = shortened(text, LONGEST_MESSAGE)
    # The folder is checked before an app is created for it.
    check(target, root)
    if (here := session.access.data_dir) is not None:
        output.say(f"Server: {session.access.server}, the Easel on this machine whose data is in {here.resolve()}.")
    chosen, is_new = _find_or_create(session, name, new_name, create=create, is_named=bool(app or session.project.app))
    shipment = Shipment(
        app_id=chosen.app_id,
        slug=chosen.slug,
        target=target,
        root=root,
        environment=environment,
        message=text,
        commit=commit,
        with_sources=source_files,
        not_older=not_older,
        build=overrides,
    )
    made = NewApp(session, chosen) if is_new else None
    with made or nullcontext():
        try:
            accepted = ship(session, shipment)
        except KeyboardInterrupt:
            what = "Interrupted. Nothing was deployed, and no files were left behind."
            raise InterruptedByUserError(what=what) from None
    file = _write_project(session, chosen.slug, root, target, path, settings) if create else None
    _end(session, accepted, wait=wait, made=made, file=file)


def _end(
    session: Session, accepted: Accepted, *, wait: bool, made: NewApp | None = None, file: Path | None = None
) -> None:
    """With `wait`, follows the deploy to its end, and reports the result. If the deploy fails, removes the app that was
    created for it (`made`) and the new easel.toml (`file`). Without `wait`, prints the command that follows the
    deploy."""
    if not wait:
        _say_accepted(session, accepted)
        return
    ended, log = _followed(session, accepted)
    gone = made is not None and ended.status == FAILED and made.take_back(file)
    report_end(session, ended, log, app_is_gone=gone)


_SETTINGS: Final = {
    "root": "root",
    "install": "install",
    "build_command": "build",
    "output": "output",
    "node": "node",
    "no_cache": "no_cache",
}
"""Maps each option about builds to the name of its setting in `build_config`, a field of the API's request."""


def _overrides(
    settings: Mapping[str, Any], *, build: bool, from_git: bool, path: str | None, of_git: str | None
) -> dict[str, Any]:
    """Returns the build settings that the options set. Raises OptionsConflictError if the options cannot be
    combined."""
    given = {_SETTINGS[name]: value for name, value in settings.items() if value is not None}
    if from_git and (build or path is not None):
        raise OptionsConflictError(reason="--git deploys a commit, so leave out --build and the folder")
    if of_git and not from_git:
        raise OptionNeedsError(reason="--commit and --branch need --git")
    if given and not (build or from_git):
        names = "--root, --install, --build-command, --output, --node and --no-cache"
        raise OptionNeedsError(reason=f"{names} need --build or --git")
    return given


def _as_it_is(target: Target, shown: str, *, as_is: bool) -> dict[str, Any]:
    """Returns the build setting that tells the server to deploy the target without a build, or no setting if the server
    does so anyway. Raises SourceFolderError if the folder contains sources and `as_is` is false."""
    try:
        refuse_source(target, shown)
    except SourceFolderError:
        if not as_is:
            raise
        return {"preset": "static"}
    # Only the server reads the content of a zip.
    return {"preset": "static"} if as_is and not target.is_folder else {}


def _app_name(session: Session, given: str | None, new_name: str, *, create: bool) -> str:
    """Returns the app's slug or id: the given app, else the app in easel.toml. With --create, returns a slug made from
    the name for a new app."""
    if given or session.project.app or not create:
        return session.app_name(given)
    # easel.toml will contain this slug from now on.
    slug = slug_from(new_name)
    if slug is None:
        raise NoSlugError(name=new_name)
    return slug


def _find_or_create(session: Session, name: str, new_name: str, *, create: bool, is_named: bool) -> tuple[App, bool]:
    """Returns the app, and whether it was created for this deploy. `is_named` is true if the user or easel.toml names
    the app. Raises AppExistsError if there is an app of a name that was only guessed from the folder or zip."""
    found = session.client.find_app(name)
    if found is not None:
        if not is_named:
            raise AppExistsError(app=name, server=session.client.server)
        return found, False
    if not create and not (
        session.output.interactive and session.output.confirm(f"There is no app {name} yet. Create it?")
    ):
        raise NoSuchAppError(app=name, server=session.client.server)
    # A slug that the user chose is also the app's title.
    is_chosen = session.project.app or slug_from(new_name) != name
    made = session.client.create_app(name, name if is_chosen else new_name)
    session.output.done(f"Created the app {made.slug} ({made.app_id}).")
    return made, True


def _write_project(
    session: Session, slug: str, root: Path, target: Target, path: str | None, settings: Mapping[str, Any]
) -> Path | None:
    """Writes a new easel.toml next to the code, so that the next deploy needs fewer options, and prints the options
    that remain. Returns the file's path. `path` and `settings` are options of the user."""
    if session.project.file is not None or (root / FILE_NAME).exists():
        if session.project.file is not None and session.project.app is None:
            session.output.say(
                f'{session.project.file} does not set an app yet. Put `app = "{slug}"` at the top of it.'
            )
        return None
    if settings_folder(root, target, session.working) is None:
        session.output.say(
            f"No {FILE_NAME} was written, because the next build would remove it. Choose the app with `--app {slug}`."
        )
        return None
    place, base = target.path.resolve(), root.resolve()
    is_output = target.is_folder and not target.is_source and place.is_relative_to(base)
    folder = place.relative_to(base).as_posix() if is_output else None
    # These two settings may come from a parent folder's file.
    env, server = session.project.env, session.project.server
    # The settings are written for a folder only, because a zip of sources contains its own easel.toml, or none.
    of_build = {_SETTINGS[name]: value for name, value in settings.items() if target.is_source and target.is_folder}
    try:
        file = write_project(root, app=slug, folder=folder, env=env, server=server, build=of_build)
    except ProjectFileError as error:
        # The deploy is accepted, so the command continues.
        session.output.warn(f"{error.message} Choose the app with `--app {slug}`.")
        return None
    # A zip, and a folder outside of the project, are not in easel.toml.
    again = "" if folder or (target.is_source and target.is_folder) else f" {shlex.quote(path or str(target.path))}"
    command = f"easel deploy{' --build' if target.is_source else ''}{again} -m …"
    session.output.say(f"Wrote {displayed(file, session.working)}. From now on, you can deploy with `{command}`.")
    return file


def _say_accepted(session: Session, accepted: Accepted) -> None:
    session.output.say(f"The deploy was started. Follow it with {session.again(f'logs -f {accepted.deploy_id}')}.")
    session.output.line(accepted.deploy_id)
    session.output.document(accepted)


_COMPLETE: Final = "Deploy complete! "
_FAILED: Final = "Deploy failed: "


def _followed(session: Session, accepted: Accepted) -> tuple[Deploy, list[str]]:
    """Shows the log until the deploy has ended. Returns the finished deploy and the lines of its log."""
    log: list[str] = []

    def show(line: LogLine) -> None:
        # At the end, the report prints the line that completes the log, with counts and time, so that line is not shown
        # here. Only the last such line is left out, because a build may print such a line too.
        if log and log[-1].startswith(_COMPLETE):
            session.output.say(f"  {log[-1]}", style="dim")
        log.append(line.line)
        if not line.line.startswith(_COMPLETE):
            session.output.say(f"  {line.line}", style="red" if line.line.startswith(_FAILED) else "dim")

    try:
        with (
            session.output.waiting("Deploying …"),
            note_long_wait(session, accepted.app_id, accepted.deploy_id),
        ):
            follower = Follower(session.client, accepted.app_id, accepted.deploy_id, show, note_lost(session))
            return follower.to_the_end(), log
    except KeyboardInterrupt:
        raise InterruptedByUserError(
            what=f"Interrupted. The deploy continues. Follow it with {session.again(f'logs -f {accepted.deploy_id}')}, "
            f"or stop it with {session.again(f'cancel {accepted.deploy_id}')}."
        ) from None
