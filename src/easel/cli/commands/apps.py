"""`easel apps`, and `easel open`: an app's addresses."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from easel.cli.answers import App
from easel.cli.choices import environment_or_default, find_version
from easel.cli.command import Group, app_option, client_command, env_option
from easel.cli.errors import (
    AppNamedTwiceError,
    AppToDeleteMissingError,
    AssignmentError,
    ConfirmationMissingError,
    EnvironmentEmptyError,
    NothingToChangeError,
)
from easel.cli.session import Session
from easel.cli.text import plural, when
from easel.environments.names import PRODUCTION
from easel.serving.runtimes import RUNTIMES

_PAGE = 100


_named = click.argument("named", metavar="[APP]", help="Slug or id. [default: --app or easel.toml]", required=False)


def _chosen(named: str | None, app: str | None) -> str | None:
    """Returns the app that the command works on: `named` from the command's argument, else `app` from the option --app
    or EASEL_APP. Raises AppNamedTwiceError if the argument and --app are different apps."""
    source = click.get_current_context().get_parameter_source("app")
    if named and app and named != app and source is ParameterSource.COMMANDLINE:
        raise AppNamedTwiceError(one=named, other=app)
    return named or app


@click.group("apps", cls=Group, no_args_is_help=True)
def group() -> None:
    """List, create, show, change and delete apps."""


@client_command("list", group=group)
def list_apps(session: Session) -> None:
    """List your apps with their addresses."""
    page = session.client.list_apps(limit=_PAGE)
    apps, listed = list(page.results), list(page.document["results"])
    while page.results and len(apps) < page.total_count:
        page = session.client.list_apps(limit=_PAGE, offset=len(apps))
        apps += page.results
        listed += page.document["results"]
    session.output.table(
        ("SLUG", "ADDRESS", "LIVE", "NEWEST", "CHANGED", "TITLE"),
        [
            (
                app.slug,
                app.url,
                _live(app),
                f"v{app.version}" if app.version else "-",
                when(app.updated_at),
                app.meta.title,
            )
            for app in apps
        ],
    )
    if not apps:
        session.output.say("No apps yet. Create one from this folder with `easel deploy --create`.")
    elif session.output.interactive:
        session.output.say(plural(len(apps), "app"))
    session.output.document({**page.document, "results": listed, "limit": len(apps), "offset": 0})


@client_command("create", group=group)
@click.argument("slug", help="The app's name in its address: 3 to 60 characters out of a-z, 0-9 and '-'.")
@click.option("--title", help="A display name. [default: the slug]")
@click.option("--description", help="A description.")
def create(session: Session, slug: str, title: str | None, description: str | None) -> None:
    """Create an app."""
    app = session.client.create_app(slug, title or slug, description)
    session.output.done(
        f"Created the app {app.slug} ({app.app_id}). Deploy to it with `easel deploy --app {app.slug} -m …`."
    )
    session.output.line(app.url)
    session.output.document(app)


@client_command("show", group=group)
@_named
@app_option
def show(session: Session, named: str | None, app: str | None) -> None:
    """Show an app: its addresses, the live version of each environment, and the configuration."""
    found = session.client.get_app(session.app(_chosen(named, app)).app_id)
    rows = [
        ("App", f"{found.slug} ({found.app_id})"),
        ("Title", found.meta.title),
        ("Address", found.url),
        ("Newest", f"v{found.version}" if found.version else "no version yet"),
        *((name.capitalize(), environment_line(entry)) for name, entry in sorted((found.environments or {}).items())),
        ("Online", "yes" if found.is_active else "no, so every address responds with 404"),
        (
            "Unpublished",
            "has unpublished configuration changes (make them live with `easel publish`)"
            if found.has_unpublished_changes
            else "none",
        ),
        ("Created", when(found.created_at)),
        ("Changed", when(found.updated_at)),
    ]
    for name, value in rows:
        session.output.line(f"{name + ':':<13}{value}")
    session.output.document(found)


@client_command("update", group=group)
@_named
@app_option
@click.option("--title", help="A display name.")
@click.option("--description", help="A description.")
@click.option(
    "--var", "variables", metavar="NAME=VALUE", help="A public variable for the app's pages; repeatable.", multiple=True
)
@click.option("--unset-var", "unset", metavar="NAME", help="Remove a variable; repeatable.", multiple=True)
@click.option("--indexable/--not-indexable", help="Whether search engines may list the app.", default=None)
@click.option("--on-air/--off-air", "active", help="Whether the app is online. Applies at once.", default=None)
@click.option(
    "--allow",
    metavar="secrets|dependencies|guards",
    help="Allow deploys in spite of this fault; repeatable.",
    multiple=True,
)
@click.option("--runtime", help="How pages receive the public variables.", type=click.Choice(list(RUNTIMES)))
@click.option("--publish", help="Make the changes live at once.", is_flag=True)
def update(
    session: Session,
    named: str | None,
    app: str | None,
    title: str | None,
    description: str | None,
    variables: tuple[str, ...],
    unset: tuple[str, ...],
    indexable: bool | None,
    active: bool | None,
    allow: tuple[str, ...],
    runtime: str | None,
    publish: bool,
) -> None:
    """Change an app's draft configuration. Make the changes live with `easel publish`."""
    meta = {"title": title, "description": description, "indexable": indexable}
    build = {"env_vars": {**_assignments(variables), **dict.fromkeys(unset)}, "allow": list(allow), "runtime": runtime}
    wanted = {
        "meta": {name: value for name, value in meta.items() if value is not None},
        "build_config": {name: value for name, value in build.items() if value},
        "is_active": active,
        "publish": publish or None,
    }
    changes = {name: value for name, value in wanted.items() if value not in (None, {})}
    if not changes:
        raise NothingToChangeError()
    found = session.app(_chosen(named, app))
    answer = session.client.update_app(found.app_id, changes)
    for warning in answer.warnings or []:
        session.output.warn(warning)
    if answer.has_unpublished_changes:
        session.output.done(f"Changed the draft of {answer.slug}. Make it live with {session.again('publish -m …')}.")
    else:
        session.output.done(
            f"Changed {answer.slug}{f' and published the change as version {answer.version}' if publish else ''}."
        )
    if publish:
        warn_if_nothing_is_live(session, answer)
    session.output.document(answer)


def _assignments(given: Sequence[str]) -> dict[str, str]:
    """Returns the values by name, from NAME=VALUE pairs. Raises AssignmentError."""
    found = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise AssignmentError(text=text)
        found[name] = value
    return found


@client_command("delete", group=group)
@_named
@app_option
@click.option("--yes", "-y", help="Skip the confirmation.", is_flag=True)
def delete(session: Session, named: str | None, app: str | None, yes: bool) -> None:
    """Delete an app with all its versions, permanently. Its slug stays reserved for your organisation for a while."""
    chosen = _chosen(named, app)
    # A command without an app's name never deletes the app in easel.toml.
    if not chosen:
        raise AppToDeleteMissingError()
    found = session.app(chosen)
    if not yes:
        if not session.output.interactive:
            raise ConfirmationMissingError(what=f"deletes {found.slug} with all its versions permanently")
        if not session.output.confirm(f"Delete {found.slug} ({found.url}) with all its versions permanently?"):
            session.output.say("Nothing was deleted.")
            return
    session.client.delete_app(found.app_id)
    session.output.done(
        f"Deleted {found.slug}. Its addresses no longer work. Your organisation can use the slug again."
    )
    session.output.document({"app_id": found.app_id, "slug": found.slug, "deleted": True})


@client_command("open")
@click.argument("version", help="Print the permanent address of this version instead (3, v3, latest).", required=False)
@app_option
@env_option
@click.option("--browser", "-b", help="Also open the address in a browser.", is_flag=True)
def open_app(session: Session, version: str | None, app: str | None, env: str | None, browser: bool) -> None:
    """Print the address of an environment or a version."""
    found = session.app(app)
    address: str | None
    if version is not None:
        address = find_version(session.client, found.app_id, version).url
    else:
        environment = environment_or_default(session, env)
        entry = (found.environments or {}).get(environment)
        address = entry.get("url") if isinstance(entry, dict) else None
        if address is None and environment == PRODUCTION:
            address = found.url
        if address is None:
            raise EnvironmentEmptyError(environment=environment, option=f" --env {environment}")
    session.output.line(address)
    session.output.document({"app_id": found.app_id, "slug": found.slug, "url": address})
    if browser:
        webbrowser.open(address)


def environment_line(entry: Any) -> str:
    """Returns a line about the version that an environment serves, from the API's map of environments."""
    if not isinstance(entry, dict) or entry.get("version") is None:
        return "has no live version yet" + (_lock(entry) if isinstance(entry, dict) else "")
    return f"v{entry['version']}  {entry.get('url') or ''}{_lock(entry)}".rstrip()


def _lock(entry: dict[str, Any]) -> str:
    if not entry.get("locked"):
        return ""
    reason = entry.get("lock_reason")
    return f"  locked: {reason}" if reason else "  locked"


def _live(app: App) -> str:
    """Returns the version that the app's production environment serves, such as `v3`, or `-` if it serves none."""
    entry = (app.environments or {}).get(PRODUCTION)
    version = entry.get("version") if isinstance(entry, dict) else None
    return f"v{version}" if version else "-"


def warn_if_nothing_is_live(session: Session, app: App) -> None:
    """Warns that a published configuration has no effect yet, if the app's production environment serves no version."""
    if not (app.environments or {}).get(PRODUCTION, {}).get("version"):
        session.output.warn(f"nothing is deployed to production yet. Deploy with {session.again('deploy -m …')}.")


def environments_of(app: App) -> list[tuple[str, str]]:
    """Returns each environment's name and a line about its version."""
    return [(name, environment_line(entry)) for name, entry in sorted((app.environments or {}).items())]
