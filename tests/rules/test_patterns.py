"""Path patterns capture strings of a path in one pass, whatever the path is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.rules.matching.paths import read_path
from easel.rules.matching.pattern import PatternError, parse, split
from easel.rules.models import Dialect


def caught(pattern: str, path: str, dialect: Dialect = "netlify") -> dict[str, str] | None:
    """Returns the strings that a pattern captures from a path as sent."""
    asked = read_path(path)
    return None if asked is None else parse(pattern, dialect).catch(asked)


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("/news/*", "/news/a/b", {"splat": "a/b"}),
        ("/news/*", "/news", {"splat": ""}),
        ("/news/*", "/newsletter", None),
        ("/star*", "/starfish", {"splat": "fish"}),
        ("/img/*.png", "/img/a/b.png", {"splat": "a/b"}),
        ("/deep/*/x", "/deep/1/2/x", {"splat": "1/2"}),
        ("/docs/**", "/docs/1/2", {"splat": "1/2"}),
        ("/two/*/b/*", "/two/1/b/2/3", {"splat": "1"}),
        ("/two/*/b/*", "/two/b", {"splat": ""}),
        ("/two/*/b/*", "/two/1/b/2/b/3", {"splat": "1/b/2"}),
        ("/deep/*/x", "/deep/x", {"splat": ""}),
        ("/*/*", "/", {"splat": ""}),
        ("/*/*", "/1/2", {"splat": "1/2"}),
        ("/*/:last", "/1", {"splat": "", "last": "1"}),
        ("/star*", "/star/fish", {"splat": "fish"}),
        ("/u/:id", "/u/7/", {"id": "7"}),
        ("/u/:id", "/u/", None),
        ("/v:major.:minor/*", "/v1.2.3/x", {"major": "1.2", "minor": "3", "splat": "x"}),
        ("/ext/:file.html", "/ext/page.html", {"file": "page"}),
        ("/v:n*", "/v2/a", {"n": "2", "splat": "a"}),
        ("/v:n*", "/v", None),
        ("/pre-:m-post*", "/pre-a-post-post.html/b", {"m": "a-post", "splat": ".html/b"}),
        ("/:a.:b-*.png", "/1.2.3-x/y.png", {"a": "1.2", "b": "3", "splat": "x/y"}),
        ("/files/*.:ext", "/files/a.b/c.tar.gz", {"ext": "gz", "splat": "a.b/c.tar"}),
        ("/files/*.:ext", "/files/a.b/c", None),
        ("/dash/:my-id", "/dash/5", {"my-id": "5"}),
        ("/same/:n/:n", "/same/1/1", {"n": "1"}),
        ("/same/:n/:n", "/same/1/2", {"n": "1"}),
        ("/caf%C3%A9", "/caf%c3%a9", {}),
        ("/münchen", "/m%C3%BCnchen", {}),
        ("/", "/", {}),
        ("/*", "/", {"splat": ""}),
    ],
)
def test_a_pattern_captures_the_strings_of_its_placeholders(
    pattern: str, path: str, found: dict[str, str] | None
) -> None:
    assert caught(pattern, path) == found


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("/v:n*", "/v2/a", {"n": "2", "splat": "/a"}),
        ("/v:n*.html", "/v2/a.html", {"n": "2", "splat": "/a"}),
        ("/news/*", "/news", None),
        ("/news/*", "/news/", {"splat": ""}),
        ("/x/", "/x", None),
        ("/u/:id", "/u/7/", None),
    ],
)
def test_cloudflares_patterns_count_every_slash(pattern: str, path: str, found: dict[str, str] | None) -> None:
    assert caught(pattern, path, "cloudflare") == found


def test_an_encoded_slash_belongs_to_the_name() -> None:
    assert caught("/u/:id", "/u/a%2Fb") == {"id": "a\0b"}
    assert caught("/u/:id/:more", "/u/a%2Fb") is None


@pytest.mark.parametrize("pattern", ["/a**", "/:a:b", "/x/*.*", "/a*/b*", "/*/*/*", "/*:id", "/:a*-:b", "/*/x:n*"])
def test_a_pattern_that_cannot_be_matched_in_one_pass_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        parse(pattern, "netlify")


names = st.sampled_from(["a", "b", "ab", "a-b", "x.y"])


@given(
    st.lists(
        st.sampled_from(["a", "b", ":p", "v:q", ":r.html", "*", "*.png", "a*", "v:s*", "*.:t", ":u-*.png"]),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.sampled_from(["a", "b", "ab", "v1", "x.html", "y.png", "a-b", "v.html"]), min_size=1, max_size=6),
)
def test_a_pattern_matches_what_the_same_regular_expression_matches(parts: list[str], path: list[str]) -> None:
    if sum("*" in part for part in parts) > 1:
        return
    pattern = "/" + "/".join(parts)
    pieces = re.split(r"(:[a-z]|\*)", pattern)
    seen: set[str] = set()
    expression = ""
    for piece in pieces:
        if piece == "*":
            expression += "(?P<splat>.*)"
        elif piece.startswith(":"):
            expression += f"(?P={piece[1:]})" if piece in seen else f"(?P<{piece[1:]}>[^/]+)"
            seen.add(piece)
        else:
            expression += re.escape(piece)
    match = re.fullmatch(expression, "/" + "/".join(path))
    assert caught(pattern, "/" + "/".join(path), "cloudflare") == (match.groupdict() if match else None)


def test_the_longest_of_several_matching_names_is_used() -> None:
    assert split("/got/:idx/:id/:idle", {"id", "idx"}) == (
        (False, "/got/"),
        (True, "idx"),
        (False, "/"),
        (True, "id"),
        (False, "/:idle"),
    )
    assert split("/:year-:month", {"year", "month"}) == ((False, "/"), (True, "year"), (False, "-"), (True, "month"))
