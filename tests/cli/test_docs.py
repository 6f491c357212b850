"""docs/cli.md matches the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from easel.cli.command import summary
from easel.cli.exit_codes import MEANINGS
from easel.cli.main import COMMANDS, Entry, program

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SERVER_COMMANDS = {"serve", "api", "worker", "builder", "edge", "migrate", "organisation", "new-secret-key"}
SERVER_COMMANDS |= {"backup", "restore-backup", "export", "import", "verify"}
EXAMPLES = sorted(set(re.findall(r"^\$ (?:cd .* && )?(easel .*)$", DOCS, re.M)))


def documented() -> set[str]:
    return {shlex.split(example)[1] for example in EXAMPLES}


def test_every_command_has_an_example_and_every_example_a_command() -> None:
    assert documented() == {name for panel in COMMANDS.values() for name in panel} - SERVER_COMMANDS


@pytest.mark.parametrize(("name", "entry"), [entry for panel in COMMANDS.values() for entry in panel.items()])
def test_the_list_of_commands_and_each_command_have_the_same_summary(name: str, entry: Entry) -> None:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    assert (command.name, summary(command)) == (name, entry.summary)


def test_the_table_of_exit_codes_is_the_programs() -> None:
    table = dict(re.findall(r"^\| (\d+) \| (.*) \|$", DOCS, re.M))
    assert table == {str(int(code)): meaning for code, meaning in MEANINGS.items()}
    shown = " ".join(CliRunner().invoke(program, ["--help"], env={"COLUMNS": "200"}).stdout.split())
    for code, meaning in MEANINGS.items():
        assert f"{int(code)} {meaning}" in shown


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_options_in_every_example_exist(example: str) -> None:
    words = shlex.split(re.split(r" [<|] ", example)[0])[1:]
    command = words[:2] if words[0] in ("apps", "build-cache", "git", "keys") else words[:1]
    shown = CliRunner().invoke(program, [*command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert shown.exit_code == 0
    for word in words:
        if word.startswith("-"):
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", shown.stdout), word
