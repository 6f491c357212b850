"""Judges groups of similar names: the scripts and styles of a folder whose hashes have one form.

Build tools give all files the same form, and random text differs from name to name in the places of its digits and
letters. People number a series, or version one script by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from easel.bundles.hash_forms import (
    DATED,
    PIECES,
    HashForm,
    is_random,
    of_words,
    resembles_typed,
    surely_typed,
    typed,
)
from easel.bundles.references import References

_FEW = 3
"""Number of different hashes below which a group alone proves nothing."""
_SCATTERED = 4
"""Minimum number of different hashes from which their randomness can be judged."""
_COMPARED = 32
_HEX = frozenset("0123456789abcdef")
_CLASSES = str.maketrans(
    {
        **dict.fromkeys("0123456789", "0"),
        **dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "a"),
        **dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "A"),
    }
)

Group = tuple[str, str, str]
"""The folder, the alphabet and the separator, which the names of one build have in common."""


def group_of(path: str, form: HashForm) -> Group:
    """Returns the group of a name. Names of rare lengths are grouped separately, and so are names that begin with the
    hash."""
    kind = "b64" if form.kind != "hex" else "hex" if len(form.token) in (8, 10, 16, 20, 32) else f"hex{len(form.token)}"
    return path.rpartition("/")[0], f"front {kind}" if form.is_front else kind, form.before


def confirmed_code(group: Group, members: Mapping[str, HashForm], references: References) -> tuple[set[str], bool]:
    """Returns the scripts and styles of a group whose names are confirmed as hashes, and whether other files refer to
    them."""
    _, kind, before = group
    tokens = {form.token for form in members.values()}
    scattered = _are_scattered(tokens)
    untyped = {path for path, form in members.items() if not typed(form)}
    if 2 * len(untyped) < len(members) and not scattered:
        return set(), False
    is_most = scattered or (
        4 * len(untyped) >= 3 * len(members) and len({members[path].token for path in untyped}) >= _FEW
    )
    # Short hashes of commits look like these hashes, and so do names of one word.
    needs_both = kind not in ("hex", "b64") or (kind == "b64" and not before)
    if len(tokens) < _FEW:
        # The hash of one commit and the id of a tag manager look the same.
        return {
            path
            for path in untyped
            if _nobody_types(members[path])
            or (
                # A name of one word is typed more often (`jsonMode.js`), and up to 32 MiB are read for the others.
                (before or members[path].kind == "hex")
                and references.names_code(path, members[path])
                and (references.by_hash_of_build(members[path]) or references.is_by_tool(path, members[path].token))
            )
        }, True
    if needs_both and not is_most:
        # This check comes before the files that may refer to these scripts are read, because they have up to 32 MiB.
        return set(), False
    named = {path for path, form in members.items() if references.names_code(path, form)}
    by_name = 2 * len(named) >= len(members)
    if needs_both and not by_name:
        return set(), False
    if by_name and not _is_long(tokens) and not _has_traces(named, members, references):
        return set(), False
    if by_name:
        good = {
            path
            for path in untyped & named
            if kind != "b64" or references.by_build(path) or not of_words(members[path].token)
        }
        if scattered:
            good |= {path for path in named if references.by_build(path) and not surely_typed(members[path].token)}
            good |= _styles_beside(members, named)
        elif is_most:
            # A name that reads like a word is a hash too, if scripts reference it and most neighbours are hashes.
            good |= {
                path
                for path in named - untyped
                if before and not any(map(str.isdigit, members[path].token)) and references.by_code(path)
            }
    elif kind == "b64" and (
        4 * sum(map(is_random, members.values())) < len(members) or 10 * len(untyped) < 9 * len(members)
    ):
        return set(), False
    else:
        good = untyped
    if "hex" in kind and is_most:
        asked_for = named if by_name else set(members)
        good |= {path for path in asked_for if members[path].token.isdigit() and not DATED.match(members[path].token)}
    return good, by_name


def _nobody_types(form: HashForm) -> bool:
    """Returns true if the text mixes capitals, small letters and digits too irregularly for ids and versions."""
    pieces = PIECES.findall(form.token)
    classes = set(form.token.translate(_CLASSES)) & set("0aA")
    return len(classes) == 3 and is_random(form) and not resembles_typed(form.token) and max(map(len, pieces)) > 1


def _is_long(tokens: Collection[str]) -> bool:
    """Returns true if a token of this length can only be a hash. Ids that people or databases write have at most 12
    digits, or 24, 32 or 40 digits."""
    return all(len(token) > 12 and len(token) not in (24, 32, 40) and _HEX.issuperset(token) for token in tokens)


def _has_traces(named: Collection[str], members: Mapping[str, HashForm], references: References) -> bool:
    """Returns true if a build tool certainly wrote this group. Elements of pages alone do not prove this, because
    people write them too."""
    if any(references.by_build(path) or references.by_hash(members[path]) for path in named):
        return True
    return any(references.is_by_tool(path, members[path].token) for path in sorted(named)[:_FEW])


def _styles_beside(members: Mapping[str, HashForm], named: Collection[str]) -> set[str]:
    """Returns the styles that belong to scripts, because some tools write a style for each script, and no file refers
    to these styles."""
    scripts = {_word(path, members[path]) for path in named if not path.endswith(".css")}
    return {
        path
        for path, form in members.items()
        if path.endswith(".css") and _word(path, form) in scripts and not surely_typed(form.token)
    }


def _word(path: str, form: HashForm) -> str:
    before, _, after = path.rpartition(form.token)
    return after.rpartition(".")[0] if form.is_front else before


def _are_scattered(tokens: Collection[str]) -> bool:
    """Returns true if the texts are random together: their digits and letters are in different places, and many of
    them alternate often."""
    if len(tokens) < _SCATTERED:
        return False
    compared = sorted(tokens)[:_COMPARED]
    places = {token.translate(_CLASSES) for token in compared}
    # Base 32 has few digits.
    least = _SCATTERED - all(map(str.isupper, compared))
    alternating = sum(len(PIECES.findall(token)) >= least for token in compared)
    return 2 * len(places) >= len(compared) and 3 * alternating >= len(compared)


class ConfirmedGroups:
    """The groups of scripts and styles whose names are confirmed to contain a hash. Each group also states whether
    files outside the group refer to its files."""

    def __init__(self) -> None:
        self._beside: dict[Group, bool] = {}
        self._below: dict[Group, bool] = {}
        self._anywhere: set[tuple[str, str]] = set()

    @property
    def is_empty(self) -> bool:
        """Returns true if no group of code is confirmed, so that no file can belong to a confirmed group."""
        return not self._beside

    def add(self, group: Group, *, by_name: bool) -> None:
        """Adds a group of code."""
        folder, kind, before = group
        for mark in (before, "") if kind == "hex" else (before,):
            self._beside[folder, kind, mark] = by_name or self._beside.get((folder, kind, mark), False)
            if folder:
                top = (folder.partition("/")[0], kind, mark)
                self._below[top] = by_name or self._below.get(top, False)
            if by_name:
                self._anywhere.add((kind, mark))

    def includes(self, group: Group, form: HashForm, by_code: bool, by_pages: bool) -> bool:
        """Returns true if a picture, font or other binary of this group belongs to a confirmed group of code.
        `by_code` and `by_pages` are true if scripts or pages refer to the file."""
        folder, kind, before = group
        by_names = self._beside.get(group), self._below.get((folder.partition("/")[0], kind, before))
        if kind == "b64" and form.kind != "b32" and resembles_typed(form.token):
            return False
        if by_names == (None, None):
            # Some builds have folders for each kind of file (`js/`, `img/`).
            return by_code and (kind, before) in self._anywhere and (kind == "hex" or is_random(form))
        if any(by_names):
            return by_code or (bool(before) and by_pages and kind == "hex")
        return bool(before) and (kind == "hex" or (kind == "b64" and not of_words(form.token)))
