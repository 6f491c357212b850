"""`easel apps`: what is hosted, and `easel open`: where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from easel.cli.command import AppOption, EnvOption, client_command
from easel.cli.session import Session
from easel.environments.names import PRODUCTION

if TYPE_CHECKING:
    from easel.apps.schemas import AppListItem, AppResponse

_PAGE = 100


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="List, create, show, change and delete apps.", no_args_is_help=True)
    client_command(group, "list")(list_apps)
    client_command(group, "create")(create)
    client_command(group, "show")(show)
    client_command(group, "update")(update)
    client_command(group, "delete")(delete)
    app.add_typer(group, name="apps", rich_help_panel="Apps")
    client_command(app, "open", rich_help_panel="Apps")(open_app)


def list_apps(session: Session) -> None:
    """List your apps with their addresses."""
    from easel.cli.text import plural, when

    page = session.client.list_apps(limit=_PAGE)
    apps = list(page.results)
    while page.results and len(apps) < page.total_count:
        page = session.client.list_apps(limit=_PAGE, offset=len(apps))
        apps += page.results
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
        session.output.say("No apps yet. `easel deploy --create` makes one of the folder you are in.")
    elif session.output.interactive:
        session.output.say(plural(len(apps), "app"))
    session.output.document(page.model_copy(update={"results": apps, "limit": len(apps), "offset": 0}))


def create(
    session: Session,
    slug: Annotated[str, typer.Argument(help="The app's name in its address: 3 to 60 of a-z, 0-9 and '-'.")],
    title: Annotated[str | None, typer.Option("--title", help="A name for people; the slug otherwise.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is.")] = None,
) -> None:
    """Create an app."""
    app = session.client.create_app(slug, title or slug, description)
    session.output.done(f"Created {app.slug} ({app.app_id}). Deploy to it: `easel deploy --app {app.slug} -m …`.")
    session.output.line(app.url)
    session.output.document(app)


def show(
    session: Session,
    app: Annotated[str | None, typer.Argument(help="Slug or id; easel.toml's otherwise.")] = None,
) -> None:
    """Show an app: addresses, what each environment serves, configuration."""
    from easel.cli.text import when

    found = session.client.get_app(session.app(app).app_id)
    rows = [
        ("App", f"{found.slug} ({found.app_id})"),
        ("Title", found.meta.title),
        ("Address", found.url),
        ("Newest", f"v{found.version}" if found.version else "no version yet"),
        *((name.capitalize(), environment_line(entry)) for name, entry in sorted(found.environments.items())),
        ("On the air", "yes" if found.is_active else "no: every address answers 404"),
        ("Unpublished", "configuration changes wait for `easel publish`" if found.has_unpublished_changes else "none"),
        ("Created", when(found.created_at)),
        ("Changed", when(found.updated_at)),
    ]
    for name, value in rows:
        session.output.line(f"{name + ':':<13}{value}")
    session.output.document(found)


def update(
    session: Session,
    app: Annotated[str | None, typer.Argument(help="Slug or id; easel.toml's otherwise.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="A name for people.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is.")] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="A public variable for the app's pages; repeatable."),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset-var", metavar="NAME", help="Remove a variable; repeatable.")
    ] = None,
    indexable: Annotated[
        bool | None, typer.Option("--indexable/--not-indexable", help="Whether search engines may list it.")
    ] = None,
    active: Annotated[
        bool | None, typer.Option("--on-air/--off-air", help="Whether its addresses answer; at once.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="secrets|dependencies", help="Let through what is refused; repeatable."),
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Make the changes live at once.")] = False,
) -> None:
    """Change an app's draft configuration; `easel publish` makes it live."""
    from easel.apps.schemas import UpdateAppRequest
    from easel.cli.errors import NothingToChangeError

    meta = {"title": title, "description": description, "indexable": indexable}
    build = {"env_vars": {**_assignments(variables or []), **dict.fromkeys(unset or [])}, "allow": allow}
    wanted = {
        "meta": {name: value for name, value in meta.items() if value is not None},
        "build_config": {name: value for name, value in build.items() if value},
        "is_active": active,
        "publish": publish or None,
    }
    changes = {name: value for name, value in wanted.items() if value not in (None, {})}
    if not changes:
        raise NothingToChangeError()
    found = session.app(app)
    answer = session.client.update_app(found.app_id, UpdateAppRequest.model_validate(changes))
    for warning in answer.warnings or []:
        session.output.warn(warning)
    if answer.has_unpublished_changes:
        session.output.done(f"Changed the draft of {answer.slug}. {session.again('publish -m …')} makes it live.")
    else:
        session.output.done(f"Changed {answer.slug}{f': version {answer.version} is live' if publish else ''}.")
    session.output.document(answer)


def _assignments(given: list[str]) -> dict[str, str]:
    """NAME=VALUE pairs. Raises AssignmentError."""
    from easel.cli.errors import AssignmentError

    found = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise AssignmentError(text=text)
        found[name] = value
    return found


def delete(
    session: Session,
    app: Annotated[str, typer.Argument(help="Slug or id.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an app with all its versions, for good. Other organisations do not get its slug for a while."""
    from easel.cli.errors import ConfirmationMissingError

    found = session.app(app)
    if not yes:
        if not session.output.interactive:
            raise ConfirmationMissingError(what=f"deletes {found.slug} with all its versions, for good")
        if not session.output.confirm(f"Delete {found.slug} ({found.url}) with all its versions, for good?"):
            session.output.say("Nothing was deleted.")
            return
    session.client.delete_app(found.app_id)
    session.output.done(f"Deleted {found.slug}. Its addresses have stopped; its slug is free for your organisation.")
    session.output.document({"app_id": found.app_id, "slug": found.slug, "deleted": True})


def open_app(
    session: Session,
    version: Annotated[str | None, typer.Argument(help="A version's own address instead (3, v3, latest).")] = None,
    app: AppOption = None,
    env: EnvOption = None,
    browser: Annotated[bool, typer.Option("--browser", "-b", help="Open it in a browser as well.")] = False,
) -> None:
    """Print the address of an environment or a version."""
    from easel.cli.choices import environment_or_default, find_version
    from easel.cli.errors import EnvironmentEmptyError

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
            raise EnvironmentEmptyError(environment=environment)
    session.output.line(address)
    session.output.document({"app_id": found.app_id, "slug": found.slug, "url": address})
    if browser:
        import webbrowser

        webbrowser.open(address)


def environment_line(entry: Any) -> str:
    """What an environment of the API's map serves, in a line."""
    if not isinstance(entry, dict) or entry.get("version") is None:
        return "serves no version yet" + (_lock(entry) if isinstance(entry, dict) else "")
    return f"v{entry['version']}  {entry.get('url') or ''}{_lock(entry)}".rstrip()


def _lock(entry: dict[str, Any]) -> str:
    if not entry.get("locked"):
        return ""
    reason = entry.get("lock_reason")
    return f"  locked: {reason}" if reason else "  locked"


def _live(app: AppListItem) -> str:
    """The version that production serves."""
    entry = (app.environments or {}).get(PRODUCTION)
    version = entry.get("version") if isinstance(entry, dict) else None
    return f"v{version}" if version else "-"


def environments_of(app: AppListItem | AppResponse) -> list[tuple[str, str]]:
    """Each environment's name and what it serves, in a line."""
    return [(name, environment_line(entry)) for name, entry in sorted((app.environments or {}).items())]
