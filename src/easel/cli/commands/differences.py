"""A diff of two versions, in the format of git."""

from __future__ import annotations

from collections import Counter

from easel.cli.answers import Diff, FileDiff, RuleChange
from easel.cli.output import Output
from easel.cli.text import size

_LETTERS = {"added": "A", "removed": "D", "modified": "M"}
_STYLES = {"added": "green", "removed": "red", "modified": "yellow"}


def show_diff(output: Output, answer: Diff, *, with_sources: bool) -> None:
    """Prints the files that differ (renamed files are marked), then source lines, then a summary."""
    differing = [file for file in answer.files or [] if file.status != "unchanged"]
    renamed = {rename.to_path: rename.from_path for rename in answer.renames}
    for file in differing:
        if file.path in renamed.values():
            continue
        if file.path in renamed:
            output.line(f"R  {renamed[file.path]} → {file.path}", style="cyan")
        else:
            name = _named(file.path, answer)
            output.line(f"{_LETTERS[file.status]}  {name}  {_delta(file)}", style=_STYLES[file.status])
    for rule in answer.rules:
        _show_rule(output, rule)
    if with_sources:
        for path, text in sorted((answer.source_diff or {}).items()):
            _show_source(output, _named(path, answer), text)
    # In a diff, each section of the configuration appears as a file. Unchanged sections are not counted.
    counts: Counter[str] = Counter(
        file.status
        for file in answer.files or []
        if file.status != "unchanged" or file.path not in answer.configuration
    )
    parts = [f"{counts[status]} {status}" for status in (*_LETTERS, "unchanged") if counts[status]]
    output.say(f"v{answer.from_version} → v{answer.to_version}: " + (", ".join(parts) or "nothing differs"))
    if with_sources and differing and answer.source_diff is None:
        output.say("(To see differences by line, deploy both versions with --source-files.)")


def _show_rule(output: Output, rule: RuleChange) -> None:
    """Prints one changed rule, its old lines before its new lines."""
    output.line(f"{_LETTERS[rule.status]}  {rule.kind} rule: {rule.source}", style=_STYLES[rule.status])
    for mark, text in (("-", rule.old), ("+", rule.new)):
        for line in text.split("\n") if text is not None else ():
            output.line(f"   {mark}{line}", style=_source_style(mark))


def _delta(file: FileDiff) -> str:
    if file.status == "modified":
        change = file.size_delta or 0
        if not change:
            return "same size"
        return f"{'+' if change >= 0 else '-'}{size(abs(change))}"
    return size((file.new_size if file.status == "added" else file.old_size) or 0)


def _named(path: str, answer: Diff) -> str:
    """Returns the file's path, or the name of the part of the configuration that the file stands for."""
    section = answer.configuration.get(path)
    return path if section is None else f"configuration: {section}"


def _show_source(output: Output, name: str, text: str) -> None:
    output.line("")
    output.line(f"diff {name}", style="bold")
    for line in text.split("\n")[: -1 if text.endswith("\n") else None]:
        output.line(line, style=_source_style(line))


def _source_style(line: str) -> str | None:
    if line.startswith(("--- ", "+++ ")):
        return "bold"
    if line.startswith("@@"):
        return "cyan"
    if line.startswith("+"):
        return "green"
    return "red" if line.startswith("-") else None
