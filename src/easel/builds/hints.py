"""Recognises well-known reasons for the failure of a command in its output, and says how to fix them."""

from __future__ import annotations

from typing import Final

LOOKED_AT: Final = 16 * 1024
"""Number of last bytes of a command's output that are searched."""
_LOCK: Final = (
    "The lock file does not match package.json. Run the install on your machine, and commit the changed lock file."
)
_KNOWN: Final = (
    (
        b"ERR_PNPM_IGNORED_BUILDS",
        "pnpm refuses dependencies with install scripts that the project does not allow. Run `pnpm approve-builds` on "
        "your machine, and commit pnpm-workspace.yaml.",
    ),
    (b"ERR_PNPM_OUTDATED_LOCKFILE", _LOCK),
    (b"`npm ci` can only install packages when your package.json and", _LOCK),
    (b"YN0028", _LOCK),
    (b"but yarn was run with `--frozen-lockfile`", _LOCK),
    (b"lockfile had changes, but lockfile is frozen", _LOCK),
    (
        b'binary with name "go" not found',
        "Modules of Hugo need Go, which Easel's builds do not have. Run `hugo mod vendor` on your machine, and commit "
        "the folder `_vendor`.",
    ),
    (
        b"JavaScript heap out of memory",
        "Node.js reached its own limit of memory. Set `NODE_OPTIONS=--max-old-space-size=…` (in MiB) as a variable of "
        "the app.",
    ),
)


def fix_in(output: bytes) -> str | None:
    """Returns the fix for a known reason in the last bytes of a command's output. Returns None if no reason is
    recognised."""
    end = output[-LOOKED_AT:]
    return next((fix for words, fix in _KNOWN if words in end), None)
