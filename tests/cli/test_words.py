"""The command line and the server share their words: no status, environment or error code is defined twice."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import easel
from easel.deploys import states
from easel.environments import names
from easel.errors import EaselError

COMMAND_LINE = sorted(Path(easel.__path__[0], "cli").glob("**/*.py"))


def codes() -> set[str]:
    """Returns the codes of all errors except the command line's own."""
    for module in pkgutil.walk_packages(easel.__path__, "easel."):
        if module.name.endswith(".errors"):
            importlib.import_module(module.name)
    return {kind.code for kind in kinds(EaselError) if kind.code and not kind.__module__.startswith("easel.cli")}


def kinds(root: type[EaselError]) -> Iterator[type[EaselError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)


def texts(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


@pytest.mark.parametrize("file", COMMAND_LINE, ids=lambda file: file.name)
def test_the_command_line_takes_the_servers_words_from_where_they_are_defined(file: Path) -> None:
    words = codes() | {*states.UNFINISHED, *states.FINAL, states.MOVED, states.OVERTAKEN, *names.NAMES}
    assert [(line, text) for line, text in texts(file.read_text()) if text in words] == []
