"""`easel verify`: checks whether the store still has every object that the database refers to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from easel.cli.command import carry_out
from easel.cli.server.command import ServerCommand
from easel.cli.server.serve import data_dir_option, read_settings
from easel.cli.session import Flags, Session
from easel.cli.text import plural, size

if TYPE_CHECKING:
    from easel.backups.audit import AuditResult, Fault

_APPS_NAMED = 20


@click.command("verify", cls=ServerCommand)
@click.option("--app", "-a", metavar="SLUG|ID", help="Read only the objects that this app's versions need.")
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print only one JSON document to stdout.")
def verify(app: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Read every object that the database refers to, while Easel runs, and list missing and damaged objects."""
    carry_out(Session(Flags(data_dir=data_dir, as_json=as_json)), lambda session: _verify(session, app))


def _verify(session: Session, app: str | None) -> None:
    from easel.running.operating import verify as read_everything

    output = session.output

    def found(fault: Fault) -> None:
        output.line(fault_line(fault), style="bold red" if fault.environments else "red")

    def say(text: str) -> None:
        if not output.as_json:
            output.say(text)

    made = read_everything(read_settings(data_dir=session.flags.data_dir), app=app, say=say, found=found)
    output.document({"whole": not made.faults, **asdict(made)})
    if not output.as_json:
        _conclude(session, made, app)
    if made.faults:
        raise click.exceptions.Exit(1)


def fault_line(fault: Fault) -> str:
    """Returns a line about the fault: the environments that serve the object, the object, the fault, and the versions
    that need the object."""
    live = f"LIVE in {' and '.join(fault.environments)} of {fault.slug}: " if fault.environments else ""
    needs = [numbers("version", fault.versions), numbers("pruned version", fault.pruned)]
    needed = ", ".join(text for text in needs if text) or "an unfinished deploy"
    return f"{live}{fault.key or '(no name)'} {fault.reason} ({fault.slug}: {needed})"


def numbers(noun: str, of: list[int]) -> str:
    """Returns version numbers in words, sorted: `version 4`, `versions 1-3, 7`. Returns "" for no versions."""
    runs: list[list[int]] = []
    for number in of:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    text = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
    return f"{noun}{'s' if len(of) > 1 else ''} {text}" if of else ""


def _conclude(session: Session, made: AuditResult, app: str | None) -> None:
    output = session.output
    if not made.faults:
        whose = f"that {app} needs" if app else "that the database refers to"
        output.done(f"No faults: all {plural(made.objects, 'object')} {whose} match their hashes ({size(made.bytes)}).")
        return
    served = sorted({f"{name} of {fault.slug}" for fault in made.faults for name in fault.environments})
    if served:
        more = f" and {len(served) - _APPS_NAMED:,} more" if len(served) > _APPS_NAMED else ""
        output.say(f"Some of the faulty objects are live: {', '.join(served[:_APPS_NAMED])}{more}.", style="bold red")
    output.say(f"{len(made.faults):,} of {plural(made.objects, 'object')} are missing or damaged.", style="red")
    output.say(
        "Restore them from a backup (see `Objects are lost or damaged` in docs/operations/disaster.md), and run "
        "`easel verify` again. If no backup contains the objects of a version, that version is lost. If it is live, "
        "restore another version, or deploy again."
    )
