"""Writes `src/easel/bundles/mime_db.py` from a `db.json` of mime-db: `python make.py db.json 1.54.0 > mime_db.py`.

If two types claim a suffix, the order of preference is: registered types, types that are neither a vendor's nor
experimental, shorter names, the alphabet. The same input gives the same table.
"""

import json
import sys
from typing import Any

MOST = 12

HEAD = '''"""Content types by suffix, out of mime-db {version} (MIT licence). Written by `tests/data/types/make.py`."""

MIME_DB = "{version}"

SUFFIXES = """
{lines}
"""
"""In each line a type and suffixes of files that have it."""
'''


def rank(name: str, entry: dict[str, Any]) -> tuple[int, int, bool, int, str]:
    source = {"iana": 0, "apache": 1, "nginx": 2}.get(entry.get("source", ""), 3)
    subtype = name.split("/", 1)[1]
    facet = 2 if subtype.startswith("x-") else 1 if subtype.startswith(("vnd.", "prs.")) else 0
    return source, facet, name.startswith("application/"), len(name), name


def main() -> None:
    path, version = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        types: dict[str, dict[str, Any]] = json.load(file)
    chosen: dict[str, str] = {}
    for name, entry in types.items():
        for suffix in entry.get("extensions", ()):
            if suffix not in chosen or rank(name, entry) < rank(chosen[suffix], types[chosen[suffix]]):
                chosen[suffix] = name
    lines: dict[str, list[str]] = {}
    for suffix, name in sorted(chosen.items()):
        lines.setdefault(name, []).append(suffix)
    text = "\n".join(
        f"{name} {' '.join(suffixes[at : at + MOST])}"
        for name, suffixes in sorted(lines.items())
        for at in range(0, len(suffixes), MOST)
    )
    sys.stdout.write(HEAD.format(version=version, lines=text))


main()
