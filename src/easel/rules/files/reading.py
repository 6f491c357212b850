"""Collects the result of reading rules files: lines in force, refused lines and remarks. The number of each is
limited."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from easel.rules.files.lines import shown
from easel.rules.matching.pattern import Pattern, PatternError, parse
from easel.rules.matching.target import names_host, not_captured, target_of, with_ascii_host
from easel.rules.models import (
    MOST_BLOCKS,
    MOST_CONDITIONS,
    MOST_DOUBLE,
    MOST_ODD,
    MOST_REDIRECTS,
    MOST_SEGMENTS,
    MOST_TEXT,
    REDIRECTING,
    Condition,
    Dialect,
    HeaderBlock,
    LineNote,
    NotFound,
    Pages,
    Redirect,
    RefusedLine,
)

MOST_TOLD = 1_000
"""Maximum number of refused lines that are stored, and maximum number of remarks."""
MOST_QUERY = 16
"""Maximum number of query parameters in a redirect line."""
MOST_VALUES = 64
"""Maximum number of values in a condition of a redirect line."""


class BadLineError(ValueError):
    """Raised if a line of a rules file cannot be applied. Its text is the reason. `guards` is true if the line
    protected something from visitors."""

    def __init__(self, reason: str, *, guards: bool = False) -> None:
        super().__init__(reason)
        self.guards = guards


@dataclass
class PatternBudget:
    """The remaining budget of path patterns in a version's rules. Each pattern costs memory on an edge, and some
    patterns cost time."""

    odd: int = MOST_ODD
    double: int = MOST_DOUBLE
    conditions: int = MOST_CONDITIONS
    segments: int = MOST_SEGMENTS
    text: int = MOST_TEXT

    def take(self, pattern: Pattern, size: int, *, is_exception: bool = False) -> None:
        """Takes the cost of one pattern from the budget. `size` is the number of characters of its line or block.
        `is_exception` is true if the pattern excludes paths. No index can find such a pattern. Raises BadLineError if
        the budget is used up."""
        odd, segments, double = 0 if pattern.literal else pattern.odd, pattern.segments, len(pattern.stars) > 1
        odd += is_exception
        if odd > self.odd:
            raise BadLineError(
                f"the rules have reached the limit of {MOST_ODD} wildcards and placeholders within segments."
            )
        if double and not self.double:
            raise BadLineError(f"the rules have reached the limit of {MOST_DOUBLE} paths with two `*`.")
        if segments > self.segments:
            raise BadLineError(f"the rules have reached the limit of {MOST_SEGMENTS} segments in all paths together.")
        if size > self.text:
            raise BadLineError(f"the rules have reached the limit of {MOST_TEXT} characters in all lines together.")
        self.odd -= odd
        self.double -= double
        self.segments -= segments
        self.text -= size

    def take_conditions(self, conditions: tuple[Condition, ...]) -> None:
        """Takes the cost of a line's conditions from the budget, because no index can find conditions. Raises
        BadLineError if the budget is used up."""
        if not conditions:
            return
        if len(conditions) > self.conditions:
            raise BadLineError(f"the rules have reached the limit of {MOST_CONDITIONS} conditions.")
        self.conditions -= len(conditions)
        self.text -= sum(len(one.name) + len(one.value) for one in conditions)


@dataclass
class Reading:
    """The rules that have been read so far from a version's rules files. `without_status` are the numbers of the
    redirect lines that have their dialect's default status."""

    dialect: Dialect
    redirects: list[Redirect] = field(default_factory=list)
    headers: list[HeaderBlock] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)
    notes: list[LineNote] = field(default_factory=list)
    room: PatternBudget = field(default_factory=PatternBudget)
    without_status: list[int] = field(default_factory=list)
    pages: Pages = ""
    not_found: NotFound = ""

    def refuse(self, file: str, line: int, text: str, reason: str, *, guards: bool = False) -> None:
        """Records a line that cannot be applied. If there are very many, only the first of them and the guards (lines
        that protect something) are stored."""
        if guards or len(self.refused) < MOST_TOLD:
            self.refused.append(RefusedLine(file, line, shown(text), reason, guards))

    def note(self, file: str, line: int, text: str) -> None:
        """Records a remark on a line that is in force."""
        if len(self.notes) < MOST_TOLD:
            self.notes.append(LineNote(file, line, text))

    def add(self, redirect: Redirect) -> None:
        """Puts a redirect line in force. Raises BadLineError with the reason if it cannot be applied."""
        is_guard = redirect.guards
        if reason := reason_against(redirect):
            raise BadLineError(reason, guards=is_guard)
        if len(self.redirects) >= MOST_REDIRECTS:
            raise BadLineError(f"the rules have reached the limit of {MOST_REDIRECTS} lines.", guards=is_guard)
        try:
            pattern = parse(redirect.source, self.dialect)
        except PatternError as error:
            raise BadLineError(f"{error}.", guards=is_guard) from None
        if self.dialect == "cloudflare" and redirect.source.count(":") > 1 and pattern.has_twins:
            raise BadLineError("its source contains the same placeholder twice.", guards=is_guard)
        # A path of the app is always a valid target, and so is a host without placeholders. Most targets are one of
        # these two, and parsing a target takes half of the time.
        away = redirect.redirects and not redirect.target.startswith("/") and not names_host(redirect.target)
        if away and not redirect.target.isascii():
            redirect = msgspec.structs.replace(redirect, target=with_ascii_host(redirect.target))
        if away and (reason := target_of(redirect, pattern, self.dialect).reason_against()):
            raise BadLineError(reason, guards=is_guard)
        try:
            self.room.take(pattern, len(redirect.source) + len(redirect.target))
            self._take_exceptions(redirect.excepts)
            self.room.take_conditions(redirect.conditions)
        except BadLineError as bad:
            raise BadLineError(str(bad), guards=is_guard) from None
        if word := not_captured(redirect, pattern):
            text = f"`{shown(word)}` in its target is not captured by `{shown(redirect.source)}`, and is kept as it is."
            self.note(redirect.file, redirect.line, text)
        self.redirects.append(redirect)

    def pattern_of_block(self, path: str) -> Pattern:
        """Returns the pattern for the path of a header block. Raises BadLineError with the reason if the pattern cannot
        be applied."""
        try:
            return parse(path, self.dialect, folds_case=self.dialect == "netlify")
        except PatternError as error:
            raise BadLineError(f"{error}.") from None

    def add_block(self, block: HeaderBlock, pattern: Pattern) -> None:
        """Puts a header block in force. Raises BadLineError with the reason if the block cannot be applied."""
        if len(self.headers) >= MOST_BLOCKS:
            raise BadLineError(f"the rules have reached the limit of {MOST_BLOCKS} paths.")
        self.room.take(pattern, len(block.path) + sum(len(name) + len(value or "") for name, value in block.headers))
        self._take_exceptions(block.excepts)
        self.room.take_conditions(block.conditions)
        self.headers.append(block)

    def _take_exceptions(self, paths: tuple[str, ...]) -> None:
        for path in paths:
            try:
                pattern = parse(path, self.dialect)
            except PatternError as error:
                raise BadLineError(f"{error}.") from None
            # A pattern for a single path is compared as fast as the path of the line itself.
            self.room.take(pattern, len(path), is_exception=len(paths) > 1 or not pattern.literal)


def reason_against(redirect: Redirect) -> str | None:
    """Returns the reason why a redirect line cannot be applied in any dialect. Returns None if the line can be
    applied."""
    status, target, source = redirect.status, redirect.target, redirect.source
    if status not in REDIRECTING and status != 200 and not 400 <= status <= 599:
        named = f"the status {status}" if abs(status) < 10_000 else "a status of more than four digits"
        return f"{named} is not supported. The supported statuses are 200, 301, 302, 303, 307, 308 and 400 to 599."
    if status not in REDIRECTING and (not target.startswith("/") or target.startswith("//")):
        return (
            "it would forward requests to another host, which Easel does not do. Use a redirect with status 302 "
            "instead."
        )
    if source.startswith("/_easel") and source.split("/", 2)[1] == "_easel":
        return "its source is below `/_easel/`, which is reserved for the platform."
    if "#" in source:
        return "its source has a `#`, but browsers never send the `#` of an address and the text after it."
    if "/." in source and any(part in (".", "..") for part in source.split("/")):
        return "its source has `.` or `..`, which browsers resolve before they send a request."
    if len(redirect.query) > MOST_QUERY:
        return f"it has more than {MOST_QUERY} query parameters."
    return None


_GUARD = re.compile(r"\s(?:4[0-9][0-9]|5[0-9][0-9])!|role=", re.IGNORECASE)


def seems_guard(line: str) -> bool:
    """Returns true if a malformed line seems to protect something from visitors. In doubt, the deploy fails, because
    showing protected content would be worse."""
    return _GUARD.search(line) is not None


def source_of(word: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Splits the source of a redirect line into the path pattern, with its leading slash, and the query parameters."""
    path, _, query = word.partition("?")
    parts = query.split("&", MOST_QUERY + 1) if query else []
    pairs = tuple((name, value) for name, _, value in (part.partition("=") for part in parts) if name)
    return path if path.startswith("/") else f"/{path}", pairs
