"""`python -m bench.document [--check] [OLD.json=NEW.json …]`: writes the figures of saved runs into the documents that
show them. OLD=NEW replaces one run by another.

A document contains the names of the run and of the figures. The table between the two marks is generated from the run's
file. To show a new run, change its name. A document always shows measured values (`tests/docs/test_figures.py`).

<!-- figures 2026-11-24-0930.json: restore; promote -->: figures whose names begin with these words, in the run's order
<!-- figures 2026-11-24-0930.json: rows:* -->: the same, without the common prefix
<!-- text 2026-11-24-0930.json: an app -->: another text of the run, unchanged
<!-- end -->: the end of a marked place
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from bench.measure import RESULTS

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "docs" / "speed.md", ROOT / "docs" / "scaling.md")

_BLOCK = re.compile(r"(<!-- (figures|text) (\S+?\.json): ([^\n]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(document: str) -> str:
    """Returns the document with every marked place regenerated. Raises LookupError if a run has no such figure."""
    return _BLOCK.sub(lambda found: found[1] + _body(found[2], _run(found[3]), found[4]) + found[5], document)


def _run(name: str) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((RESULTS / name).read_text())
    return run


def _body(kind: str, run: dict[str, Any], wanted: str) -> str:
    if kind == "text":
        return f"```text\n{run['texts'][wanted]}\n```\n"
    rows: list[tuple[str, dict[str, Any]]] = []
    for part in wanted.split(";"):
        begin, shared = part.strip().removesuffix("*"), part.strip().endswith("*")
        found = [figure for figure in run["figures"] if figure["name"].startswith(begin)]
        if not found:
            raise LookupError(f"no figure of this run begins with {begin!r}")
        rows += [(figure["name"].removeprefix(begin).strip() if shared else figure["name"], figure) for figure in found]
    return _held(rows) if any(figure["target"] for _, figure in rows) else _told(rows)


def _held(rows: list[tuple[str, dict[str, Any]]]) -> str:
    """Returns the table of figures with targets."""
    met = {True: "met", False: "missed", None: ""}
    lines = ["| measurement | result | target | |", "|---|---|---|---|"]
    for name, figure in rows:
        lines.append(f"| {name} | {_value(figure)} | {figure['target'] or 'none'} | {met[figure['met']]} |")
    return "\n".join(lines) + "\n"


def _told(rows: list[tuple[str, dict[str, Any]]]) -> str:
    """Returns the lines of figures without targets, and their details."""
    lines = ["| measurement | result | |", "|---|---|---|"]
    for name, figure in rows:
        detail = ", ".join(f"{key.replace('_', ' ')} {_number(value)}" for key, value in figure["detail"].items())
        lines.append(f"| {name} | {_value(figure)} | {detail} |")
    return "\n".join(lines) + "\n"


def _value(figure: dict[str, Any]) -> str:
    return f"{_number(figure['value'])} {figure['unit']}"


def _number(value: float | str) -> str:
    """Returns the number with three digits. Large numbers are written in full, with commas."""
    if isinstance(value, str):
        return f"`{value}`" if "_" in value else value
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".removesuffix(".")


def main(arguments: list[str]) -> int:
    """Writes the documents. With `--check`, only prints the names of documents that would change, and returns 1 if
    there are any."""
    changed = 0
    only_check = "--check" in arguments
    replaced = [argument for argument in arguments if argument != "--check"]
    for path in DOCUMENTS:
        after = before = path.read_text()
        for pair in replaced:
            old, _, new = pair.partition("=")
            after = after.replace(old, new)
        after = rendered(after)
        if after != before:
            if not only_check:
                path.write_text(after)
            print(f"{'differs: run `python -m bench.document`' if only_check else 'written'}: {path.relative_to(ROOT)}")
            changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
