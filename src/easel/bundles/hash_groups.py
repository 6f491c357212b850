"""Judges file names in groups: the scripts and styles of a folder whose possible hashes have the same form.

Build tools give all files the same form, and hashes differ from each other in the places of their digits and letters.
Names that people type differ less, because people number a series, or version one script by hand.
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
"""Minimum number of different hashes in a group. A group with fewer hashes proves nothing by itself."""
_SCATTERED = 4
"""Minimum number of different hashes that are needed to judge whether they are random."""
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
"""The key of a group of file names: the folder, the alphabet of the possible hash, and the separator before it."""


def group_of(path: str, form: HashForm) -> Group:
    """Returns the group of a file name. Possible hashes of a rare length form their own groups, and so do names that
    begin with the hash."""
    kind = "b64" if form.kind != "hex" else "hex" if len(form.token) in (8, 10, 16, 20, 32) else f"hex{len(form.token)}"
    return path.rpartition("/")[0], f"front {kind}" if form.is_front else kind, form.before


def confirmed_code(group: Group, members: Mapping[str, HashForm], references: References) -> tuple[set[str], bool]:
    """Returns the scripts and styles of a group whose names are confirmed to contain a hash, and whether other files
    refer to them. `members` maps their paths to the possible hashes."""
    _, kind, before = group
    tokens = {form.token for form in members.values()}
    scattered = _are_scattered(tokens)
    untyped = {path for path, form in members.items() if not typed(form)}
    if 2 * len(untyped) < len(members) and not scattered:
        return set(), False
    is_most = scattered or (
        4 * len(untyped) >= 3 * len(members) and len({members[path].token for path in untyped}) >= _FEW
    )
    # Short hashes of commits have the same form as these hashes, and so do names that consist of one word.
    needs_both = kind not in ("hex", "b64") or (kind == "b64" and not before)
    if len(tokens) < _FEW:
        # With few names, the hash of one commit and the id of a tag manager look the same as a file's hash.
        return {
            path
            for path in untyped
            if _nobody_types(members[path])
            or (
                # A name that consists of one word was probably typed (`jsonMode.js`). For all other names, up to 32 MiB
                # of files are read.
                (before or members[path].kind == "hex")
                and references.names_code(path, members[path])
                and (references.by_hash_of_build(members[path]) or references.is_by_tool(path, members[path].token))
            )
        }, True
    if needs_both and not is_most:
        # This check comes first, because the files that may refer to these scripts have up to 32 MiB.
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
            # A name that reads like a word counts as a hash too, if scripts refer to it and most names next to it are
            # hashes.
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
    """Returns true if the possible hash mixes capitals, small letters and digits so irregularly that no person would
    type it as an id or a version."""
    pieces = PIECES.findall(form.token)
    classes = set(form.token.translate(_CLASSES)) & set("0aA")
    return len(classes) == 3 and is_random(form) and not resembles_typed(form.token) and max(map(len, pieces)) > 1


def _is_long(tokens: Collection[str]) -> bool:
    """Returns true if the possible hashes are so long that they can only be hashes. Ids that people or databases write
    have at most 12 digits, or 24, 32 or 40 digits."""
    return all(len(token) > 12 and len(token) not in (24, 32, 40) and _HEX.issuperset(token) for token in tokens)


def _has_traces(named: Collection[str], members: Mapping[str, HashForm], references: References) -> bool:
    """Returns true if a build tool certainly wrote the scripts and styles of a group. `named` are the members to which
    other files refer. References from pages alone do not prove this, because people write pages too."""
    if any(references.by_build(path) or references.by_hash(members[path]) for path in named):
        return True
    return any(references.is_by_tool(path, members[path].token) for path in sorted(named)[:_FEW])


def _styles_beside(members: Mapping[str, HashForm], named: Collection[str]) -> set[str]:
    """Returns the styles whose names match a script in `named`. Some tools write a style for each script, and no file
    refers to the style."""
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
    """Returns true if possible hashes are random when they are compared: their digits and letters are in different
    places, and many hashes change between digits and letters often."""
    if len(tokens) < _SCATTERED:
        return False
    compared = sorted(tokens)[:_COMPARED]
    places = {token.translate(_CLASSES) for token in compared}
    # Hashes in base 32 contain few digits.
    least = _SCATTERED - all(map(str.isupper, compared))
    alternating = sum(len(PIECES.findall(token)) >= least for token in compared)
    return 2 * len(places) >= len(compared) and 3 * alternating >= len(compared)


class ConfirmedGroups:
    """The groups of scripts and styles whose names are confirmed to contain a hash. For each group, it is known whether
    other files refer to its files."""

    def __init__(self) -> None:
        self._beside: dict[Group, bool] = {}
        self._below: dict[Group, bool] = {}
        self._anywhere: set[tuple[str, str]] = set()

    @property
    def is_empty(self) -> bool:
        """Returns true if no group of scripts and styles is confirmed."""
        return not self._beside

    def add(self, group: Group, *, by_name: bool) -> None:
        """Adds a confirmed group of scripts and styles. `by_name` is true if other files refer to its files."""
        folder, kind, before = group
        for mark in (before, "") if kind == "hex" else (before,):
            self._beside[folder, kind, mark] = by_name or self._beside.get((folder, kind, mark), False)
            if folder:
                top = (folder.partition("/")[0], kind, mark)
                self._below[top] = by_name or self._below.get(top, False)
            if by_name:
                self._anywhere.add((kind, mark))

    def includes(self, group: Group, form: HashForm, by_code: bool, by_pages: bool) -> bool:
        """Returns true if the name of a picture, font or other binary contains a hash. The evidence is that its
        possible hash has the same form as the hashes of a confirmed group of scripts and styles. `by_code` and
        `by_pages` are true if scripts or pages refer to the file."""
        folder, kind, before = group
        by_names = self._beside.get(group), self._below.get((folder.partition("/")[0], kind, before))
        if kind == "b64" and form.kind != "b32" and resembles_typed(form.token):
            return False
        if by_names == (None, None):
            # Some builds put each kind of file into its own folder (`js/`, `img/`).
            return by_code and (kind, before) in self._anywhere and (kind == "hex" or is_random(form))
        if any(by_names):
            return by_code or (bool(before) and by_pages and kind == "hex")
        return bool(before) and (kind == "hex" or (kind == "b64" and not of_words(form.token)))
