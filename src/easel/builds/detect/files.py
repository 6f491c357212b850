"""Reads a project's files as values. Sizes are checked before parsing. Invalid files are refused with a reason."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any, Final

import msgspec
import yaml

from easel.builds.detect.errors import BuildFileInvalidError
from easel.builds.tree import LeadsOutError, Tree
from easel.bundles.names import printable
from easel.rules.hosts.netlify_toml import bounded

LARGEST: Final = 1024 * 1024
"""Maximum size in bytes of a configuration file. Longer files are refused."""
LARGEST_YAML: Final = 128 * 1024
"""Maximum size in bytes of a YAML file, because parsing a file of this size takes a second. The faster parser in C
overflows its stack on deeply nested values."""
LARGEST_SCRIPT: Final = 256 * 1024
"""Number of first bytes that are searched in a configuration file that is a program, such as `vite.config.ts`."""

_DEEPEST: Final = 50
"""Maximum number of nested brackets in a YAML file. The parser checks all open brackets at each token."""
_BRACKETS = re.compile(r"[][{}]")
_MARK: Final = b"\xef\xbb\xbf"
# The pattern matches a string (so that comment signs in the string are kept), a comment, or a comma before a closing
# bracket.
_NOT_JSON = re.compile(r'"(?:[^"\\]|\\.)*+"?|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|,(?=\s{0,99}[]}])', re.DOTALL)

Table = dict[str, Any]


def read_text(tree: Tree, path: str, most: int = LARGEST) -> str | None:
    """Returns the text of a file without its byte-order mark, or None if there is no file. Raises
    BuildFileInvalidError."""
    try:
        data = tree.head(path, most + 1)
    except LeadsOutError as error:
        raise _invalid(path, f"it is a link that {error.reason}") from error
    except OSError as error:
        raise _invalid(path, str(error.strerror)) from error
    if data is None:
        return None
    if len(data) > most:
        raise _invalid(path, f"it is longer than {most} bytes")
    try:
        return data.removeprefix(_MARK).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _invalid(path, f"line {line} is not valid UTF-8") from error


def read_roughly(tree: Tree, path: str, most: int = LARGEST_SCRIPT) -> str:
    """Returns the first bytes of a file that is only searched for words. Returns "" if the file cannot be read."""
    try:
        return (tree.head(path, most) or b"").decode("utf-8", "replace")
    except (LeadsOutError, OSError):
        return ""


def read_json(tree: Tree, path: str, *, comments: bool = False) -> Table | None:
    """Returns the object in a JSON file (RFC 8259), or None if there is no file. Raises BuildFileInvalidError."""

    def parse(text: str) -> Any:
        return msgspec.json.decode(without_comments(text) if comments else text)

    return _read(tree, path, LARGEST, parse)


def without_comments(text: str) -> str:
    """Returns a JSON text without comments and trailing commas, which editors and compilers accept."""
    return _NOT_JSON.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)


def read_toml(tree: Tree, path: str) -> Table | None:
    """Returns the table in a TOML file, or None if there is no file. Raises BuildFileInvalidError."""
    return _read(tree, path, LARGEST, lambda text: tomllib.loads(bounded(text)))


def read_yaml(tree: Tree, path: str) -> Table | None:
    """Returns the map in a YAML file with every scalar as text, or None if there is no file. Raises
    BuildFileInvalidError.

    Tags are not resolved, because they refer to functions in MkDocs configurations.
    """

    def parse(text: str) -> Any:
        depth = 0
        for bracket in _BRACKETS.finditer(text):
            depth += 1 if bracket[0] in "[{" else -1
            if depth > _DEEPEST:
                raise RecursionError
        return yaml.load(text, yaml.BaseLoader)  # noqa: S506

    return _read(tree, path, LARGEST_YAML, parse)


def _read(tree: Tree, path: str, most: int, parse: Callable[[str], Any]) -> Table | None:
    text = read_text(tree, path, most)
    if text is None:
        return None
    try:
        value = parse(text)
    except RecursionError as error:
        raise _invalid(path, "the values are nested too deeply") from error
    except (ValueError, yaml.YAMLError) as error:
        raise _invalid(path, printable(" ".join(str(error).split())).rstrip(".")) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _invalid(path, "it is not an object of names and values")
    return value


def _invalid(path: str, reason: str) -> BuildFileInvalidError:
    return BuildFileInvalidError(file=printable(path), reason=reason)
