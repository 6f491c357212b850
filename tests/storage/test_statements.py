"""One way to query the database: records through SQLAlchemy, and the statements of `.sql` files, each with its
reason."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

import easel
from easel.apps.models import is_cut, short_host
from easel.deploys.deploy_row import DeployRow
from easel.deploys.states import UNFINISHED, in_order
from easel.deploys.steps import STEPS
from easel.serving.published import FORM
from easel.storage.statements import statements

SOURCES = Path(easel.__file__).parent
FILES = sorted(SOURCES.rglob("*.sql"))
ELSEWHERE = {"edge/routing/saved_routes.py": "an edge's own file, which is SQLite's"}
SQL = re.compile(
    r"\s*(select\s.*\b(from|easel_\w+)\b|insert\s+into\s|update\s+\w+\s.*set\s|delete\s+from\s|with\s+\w+\s+as\s)",
    re.DOTALL,
)
SECTION = re.compile(r"^-- (name|part): (\w+)\n((?:--.*\n)*)", re.MULTILINE)


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    """Returns the parsed modules that may contain no statement."""
    named = {str(path.relative_to(SOURCES)): path for path in sorted(SOURCES.rglob("*.py"))}
    return {
        name: ast.parse(path.read_text())
        for name, path in named.items()
        if not name.startswith("storage/migrations/") and name not in ELSEWHERE
    }


def test_no_statement_is_written_in_a_module(modules: dict[str, ast.Module]) -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert found == []


def test_sqlalchemys_text_is_for_conditions_of_indexes_alone(modules: dict[str, ast.Module]) -> None:
    found = {
        name
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy"
        for one in node.names
        if one.name == "text"
    }
    assert {name.rsplit("/", 1)[-1] for name in found} == {"models.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCES)))
def test_a_statement_gives_its_reason_and_is_used_by_the_module_beside_it(path: Path) -> None:
    text = path.read_text()
    module = f"easel.{path.relative_to(SOURCES).with_suffix('')}".replace("/", ".")
    assert [name for _, name, reason in SECTION.findall(text) if not reason] == []
    assert text.count("\n-- name: ") + text.startswith("-- name: ") == len(statements(module))
    beside = path.with_suffix(".py").read_text()
    assert [name for name in statements(module) if f'"{name}"' not in beside] == []
    assert [line for line in text.splitlines() if len(line) > 130] == []


def test_the_statements_and_the_code_name_the_same_unfinished_statuses() -> None:
    (said,) = [path for path in FILES if "'queued', 'building'" in path.read_text()]
    assert re.findall(r"'(\w+)'", SECTION.sub("", said.read_text())) == list(UNFINISHED)


def test_the_query_and_the_code_name_the_same_form() -> None:
    (form,) = re.findall(r"get_byte\(app\.site, 0\) >= (\d+)", (SOURCES / "serving" / "published.sql").read_text())
    assert int(form) == FORM


def test_the_query_for_a_slug_uses_the_expression_of_its_index() -> None:
    given = "%(slug)s::text"
    alike = f"{is_cut('slug')} and {is_cut(given)} and {short_host('slug')} = {short_host(given)}"
    for name in ("taken", "reserved"):
        assert alike in " ".join(statements("easel.apps.slugs")[name].split())


def test_steps_are_shown_in_the_order_in_which_they_are_taken() -> None:
    names = ["queued", *(step.name for step in STEPS)]
    assert list(in_order(dict.fromkeys(sorted(names), 1))) == names


def test_a_run_reads_a_deploys_columns_in_the_order_of_its_fields() -> None:
    columns = re.findall(r"deploy\.(\w+)", statements("easel.deploys.run_row")["read"].split(" from ")[0])
    assert columns == [field.name for field in fields(DeployRow)]
