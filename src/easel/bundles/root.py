"""Which files of a zip make the app: junk left out, the root found, accidents refused. Pure rules on paths."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from easel.bundles.errors import (
    DependenciesInBundleError,
    EntryPointMissingError,
    PathConflictError,
    SecretInBundleError,
    SourceBundleError,
)
from easel.bundles.models import Allowances

ENTRY_POINT = "index.html"
PLATFORM_FOLDERS = ("api", "_api", "_auth", "functions", "_easel")

_JUNK_NAMES = frozenset({".DS_Store", "Thumbs.db"})
_HARMLESS_ENV = re.compile(r"\.env\.(?:example|sample|template|dist|defaults?)\Z")
_KEY_NAMES = frozenset({"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
_KEY_STORES = (".p12", ".pfx", ".jks", ".keystore", ".ppk")
KEY_FILES = (".pem", ".key")
"""Files that may hold a private key or something harmless: their content decides."""


def is_junk(path: str) -> bool:
    """Whether the member is something an operating system left there, and never part of an app."""
    return path.split("/", 1)[0] == "__MACOSX" or path.rsplit("/", 1)[-1] in _JUNK_NAMES


def find_root(paths: Collection[str]) -> str:
    """The folder that is the app's root: '' for the zip's own, else the only top-level folder with a trailing '/'.

    Raises SourceBundleError, EntryPointMissingError.
    """
    if ENTRY_POINT in paths:
        return ""
    tops = {path.split("/", 1)[0] for path in paths}
    root = ""
    if len(tops) == 1:
        top = next(iter(tops))
        if all("/" in path for path in paths):
            root = f"{top}/"
            if root + ENTRY_POINT in paths:
                return root
    if "package.json" in paths or (root and root + "package.json" in paths):
        raise SourceBundleError()
    raise EntryPointMissingError(hint=_hint(paths), found=sorted(tops)[:20])


def _hint(paths: Iterable[str]) -> str:
    known = list(paths)
    tops = sorted({path.split("/", 1)[0] + ("/" if "/" in path else "") for path in known})
    shown = ", ".join(f"`{top}`" for top in tops[:8]) + (" and more" if len(tops) > 8 else "")
    hint = f"At the root there is {shown or 'nothing'}."
    pages = sorted((path for path in known if path.rsplit("/", 1)[-1] == ENTRY_POINT), key=lambda p: (p.count("/"), p))
    if pages:
        folder = pages[0].rsplit("/", 1)[0]
        return f"{hint} The nearest one is `{pages[0]}`: zip the contents of `{folder}/`, not what is around it."
    return f"{hint} Zip the contents of your build output folder (often dist/, build/ or out/)."


def refuse_accidents(paths: Iterable[str], allow: Allowances) -> None:
    """Refuses what is public by mistake almost always. Raises SecretInBundleError, DependenciesInBundleError."""
    for path in paths:
        if path.startswith("node_modules/") and not allow.dependencies:
            raise DependenciesInBundleError(member=path)
        kind = None if allow.secrets else secret_kind(path)
        if kind is not None:
            raise SecretInBundleError(member=path, kind=kind)


def secret_kind(path: str) -> str | None:
    """What kind of secret the path names, or None."""
    *folders, name = path.split("/")
    if ".git" in folders or path == ".git":
        return "a Git repository"
    if (name == ".env" or name.startswith(".env.")) and not _HARMLESS_ENV.match(name):
        return "environment variables"
    if name in _KEY_NAMES or name.endswith(_KEY_STORES):
        return "a private key"
    return None


def refuse_conflicts(paths: Collection[str], folders: Collection[str]) -> None:
    """Refuses a file where another member needs a folder. Raises PathConflictError."""
    files = set(paths)
    for folder in folders:
        if folder in files:
            raise PathConflictError(member=folder, other=f"{folder}/")
    seen: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in seen:
            if parent in files:
                raise PathConflictError(member=parent, other=path)
            seen.add(parent)
            parent = parent.rpartition("/")[0]


def notes(paths: Collection[str], stripped: str, left_out: Sequence[str]) -> list[str]:
    """What to tell the person who uploaded this."""
    said = []
    if stripped:
        said.append(f"everything is inside `{stripped}`, which was taken as the root of the app.")
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        said.append(f"left out what no app needs: `{left_out[0]}`{more}.")
    for folder in PLATFORM_FOLDERS:
        example = next((path for path in paths if path.startswith(f"{folder}/")), None)
        if example is not None:
            said.append(f"`/{folder}/` belongs to the platform: `{example}` and what is beside it is never served.")
    return said
