"""`easel check`: the outcome of a deploy, and the responses at addresses, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from easel.bundles.errors import SourceBundleError
from easel.bundles.packages import PackageMissingError
from easel.cli.command import client_command
from easel.cli.errors import CliError
from easel.cli.exit_codes import ExitCode
from easel.cli.session import Session
from easel.cli.shipping.errors import TargetMissingError
from easel.cli.shipping.ship import open_bundle
from easel.cli.shipping.target import choose_target, displayed, project_root, refuse_source
from easel.cli.shipping.trial import RuleLine, Trial, TrialAnswer, ask, check_address, in_force, try_bundle
from easel.cli.text import plural, size
from easel.errors import EaselError
from easel.rules.errors import GuardRefusedError
from easel.rules.models import Rules
from easel.rules.read import summary

_SHOWN = 20


@client_command("check")
@click.argument(
    "path", metavar="[DIR|ZIP]", help="Folder or zip. [default: the same as for `easel deploy`]", required=False
)
@click.option(
    "--request", "addresses", metavar="/PATH", help="Show the response at this address; repeatable.", multiple=True
)
@click.option("--method", help="The method of the requests.", default="GET")
@click.option("--header", "headers", metavar="NAME: VALUE", help="A header of the requests; repeatable.", multiple=True)
@click.option("--as-is", help="Check a folder or zip even if it looks like sources.", is_flag=True)
def check(
    session: Session,
    path: str | None,
    addresses: tuple[str, ...],
    method: str,
    headers: tuple[str, ...],
    as_is: bool,
) -> None:
    """Show how a deploy would end, without a server: refusals, the effect of each line of rules, and immutable files.

    Reads the folder or zip, and easel.toml, like a deploy. Does not check anything that only a server knows: the app's
    own configuration, its earlier versions, and limits other than the defaults."""
    if path is not None and not path.strip():
        raise TargetMissingError()
    target = choose_target(None if path is None else Path(path), session.project, session.working)
    if not as_is:
        refuse_source(target, str(target.path))
    for address in addresses:
        check_address(address)
    root = project_root(session.project, target, session.working)
    place = f"`{displayed(target.path, session.working)}`"
    because = f", because {target.found}" if target.found else ""
    session.output.say(f"Checking {place}{because}.")
    with open_bundle(session, target, root) as bundle:
        try:
            trial = try_bundle(bundle, session.project, as_is=as_is)
        except (CliError, PackageMissingError):
            raise
        except SourceBundleError as error:
            if addresses:
                _refuse(session, error)
            session.output.line(
                f"{place} contains the sources of a project ({error.facts['found']}). A deploy would build them on the "
                f"server. To check the result, build the app, and pass its output folder."
            )
            session.output.document(
                {"success": True, "needs_build": True, "files": [], "left_out": [], "rules": None}
                | {"warnings": [], "answers": []}
            )
            return
        except EaselError as error:
            if isinstance(error, GuardRefusedError):
                for other in error.others:
                    session.output.warn(other)
            _refuse(session, error)
        answers = [ask(trial.site, address, method, headers) for address in addresses]
    if answers:
        for answer in answers:
            _show_answer(session, answer)
    else:
        _show(session, trial)
    for warning in trial.warnings:
        session.output.warn(warning)
    session.output.document(_document(trial, answers))


def _refuse(session: Session, error: EaselError) -> NoReturn:
    session.output.fail(error, ExitCode.DEPLOY_FAILED)
    raise click.exceptions.Exit(int(ExitCode.DEPLOY_FAILED)) from None


def _show(session: Session, trial: Trial) -> None:
    inspection, output = trial.inspection, session.output
    files = inspection.files
    total = sum(member.size for member in files.values())
    accepted = f"A deploy would accept them{_without(inspection.rules)}."
    output.line(f"{plural(len(files), 'file')}, {size(total)} uncompressed. {accepted}")
    immutable = _immutable(trial)
    if immutable:
        _show_some(session, f"Immutable, cached by browsers for a year ({len(immutable):,}):", immutable)
    else:
        output.line("Immutable: no files. It is not certain for any file that its name contains a hash of its content.")
    if inspection.left_out:
        _show_some(session, f"Left out ({len(inspection.left_out):,}):", inspection.left_out)
    rules = inspection.rules
    if rules is None:
        return
    output.line(f"Rules: {summary(rules)}")
    _show_some(session, "", [_place(line) for line in in_force(rules)])


def _without(rules: Rules | None) -> str:
    """Returns an addition to the summary, if a rules file cannot be read as a whole."""
    refused = rules.refused if rules is not None else ()
    lost = sorted({one.file for one in refused if not one.line and one.text == one.file})
    return f", without the rules of {' and '.join(lost)}" if lost else ""


def _show_some(session: Session, heading: str, lines: list[str]) -> None:
    if heading:
        session.output.line(heading)
    for line in lines[:_SHOWN]:
        session.output.line(f"  {line}")
    if len(lines) > _SHOWN:
        session.output.line(f"  … and {len(lines) - _SHOWN:,} more (`--json` shows all)")


def _show_answer(session: Session, answer: TrialAnswer) -> None:
    output = session.output
    output.line(f"{answer.method} {answer.address}")
    output.line(f"  {answer.status}" + (f" to {answer.location}" if answer.location else ""))
    if answer.file is not None:
        output.line(f"  file: {answer.file}")
    if answer.rule is not None:
        output.line(f"  by {_place(answer.rule)}")
    for name, value in answer.headers:
        output.line(f"  {name}: {value}")


def _place(line: RuleLine) -> str:
    return f"{line.file}, {'entry' if ' ' in line.file else 'line'} {line.line}: {line.text}"


def _immutable(trial: Trial) -> list[str]:
    return sorted(path for path, member in trial.inspection.files.items() if member.immutable)


def _document(trial: Trial, answers: list[TrialAnswer]) -> dict[str, Any]:
    inspection, rules = trial.inspection, trial.inspection.rules
    known = set(_immutable(trial))
    return {
        "success": True,
        "needs_build": False,
        "files": [
            {"path": path, "size": member.size, "type": member.type, "immutable": path in known}
            for path, member in sorted(inspection.files.items())
        ],
        "left_out": inspection.left_out,
        "rules": {
            "dialect": rules.dialect,
            "because": rules.because,
            "html_handling": rules.pages or None,
            "not_found_handling": rules.not_found or None,
            "in_force": msgspec.to_builtins(in_force(rules)),
            "refused": msgspec.to_builtins(
                [RuleLine(one.file, one.line, one.text, one.reason) for one in rules.refused]
            ),
            "notes": msgspec.to_builtins([RuleLine(one.file, one.line, one.text) for one in rules.notes]),
        }
        if rules is not None
        else None,
        "warnings": trial.warnings,
        "answers": msgspec.to_builtins(answers),
    }
