"""A build's log: readable lines without secrets."""

from __future__ import annotations

import base64
import random
from urllib.parse import quote

import pytest

from easel.builds.lines import LONGEST_LINE, LogLines
from easel.builds.secrets import MASK, Masking

SECRET = "s3cr3t/Pass word+ü"


def read(*chunks: bytes, secrets: tuple[str, ...] = (SECRET,)) -> list[str]:
    lines: list[str] = []
    log = LogLines(lines.append, secrets)
    for chunk in chunks:
        log.feed(chunk)
    log.close()
    return lines


def test_lines_stay_whole_whatever_the_chunks_are() -> None:
    data = "one\nzwei ü\r\n\nlast".encode()
    assert read(*(data[at : at + 1] for at in range(len(data)))) == ["one", "zwei ü", "", "last"]


def test_escapes_and_control_characters_are_left_out() -> None:
    assert read(b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07ok\x1b]8;;http://x\x1b\\link\x00\x08\x7f\x1b(B\tend\n") == [
        "red oklink end"
    ]
    assert read("a\u202egnp.exe\u2028b\x9b31mc\n".encode()) == ["agnp.exe bc"]


def test_only_the_last_state_of_a_progress_bar_is_kept() -> None:
    assert read(b"10 %\r50 %\r100 %\r\ndone\r\n") == ["100 %", "done"]


def test_bytes_that_are_not_text_are_shown_as_bytes() -> None:
    assert read(b"\xff\xfe ok\n") == ["�� ok"]


def test_a_long_line_is_truncated_with_its_length() -> None:
    [line] = read(b"x" * 5000 + b"\n")
    assert line == "x" * LONGEST_LINE + "… (3,000 more characters)"


def test_a_last_line_without_a_line_break_is_passed_on() -> None:
    assert len(read(b"x" * 1_000_000)) == 16


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "shown",
    [SECRET, quote(SECRET), quote(SECRET, safe=""), SECRET.encode().hex(), SECRET.encode().hex().upper()],
)
def test_a_secret_is_masked_in_every_form_and_over_chunks(shown: str, chunk: int) -> None:
    data = f"token={shown}; next\n".encode()
    assert read(*(data[at : at + chunk] for at in range(0, len(data), chunk))) == ["token=***; next"]


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc", b"abcd"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_masked_within_base64_at_every_alignment(before: bytes, encode) -> None:  # type: ignore[no-untyped-def]
    [line] = read(encode(before + SECRET.encode() + b"\nmore") + b"\n")
    shown = line.split("***")
    assert len(shown) == 2
    assert len("".join(shown)) <= 20


@pytest.mark.parametrize("width", [1, 5, 8])
def test_a_secret_is_masked_over_line_breaks(width: int) -> None:
    shown = "\n".join(SECRET[at : at + width] for at in range(0, len(SECRET), width))
    lines = read(f"begin\n{shown}\nend\n".encode())
    assert lines[0] == "begin"
    assert lines[-1] == "end"
    assert set(lines[1:-1]) == {"***"}


def test_coloured_parts_of_a_secret_are_masked() -> None:
    assert read(b"abc\x1b[1mdef\x1b[0mghi\n", secrets=("abcdefghi",)) == ["***"]


def test_a_line_that_begins_like_a_secret_is_shown() -> None:
    assert read(b"s3cr\nother\ns3cr3t/Pass\n", b"s3\n") == ["s3cr", "other", "s3cr3t/Pass", "s3"]


def test_a_secret_that_the_end_of_the_log_cuts_is_masked() -> None:
    assert read(b"x s3cr3t/Pass") == ["x ***"]


def test_secrets_within_each_other_and_side_by_side_are_masked() -> None:
    assert read(b"abcd abcdefgh efgh abcdabcd\n", secrets=("abcdefgh", "abcd", "defg")) == ["*** *** efgh ***"]


def test_each_line_of_a_key_is_masked() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"
    assert read(b"line MIIEvQIBADANBg seen\n", secrets=(key,)) == ["line *** seen"]


def test_very_short_secrets_and_empty_ones_mask_nothing() -> None:
    assert read(b"a 1 ab\n", secrets=("", "1", "ab")) == ["a 1 ab"]


@pytest.mark.parametrize(
    "text",
    [
        "the preset `s3cr3t/Pa` is none",
        "`s3cr3t/Pass w…`",
        "npm said 's3cr3t/Pass'",
        "cut: s3cr3t/Pass wo",
        '"s3cr3t/P"',
    ],
)
def test_the_rest_of_a_secret_in_a_shortened_text_is_masked(text: str) -> None:
    masked = Masking([SECRET]).once(text)
    assert MASK in masked
    assert "s3cr3t" not in masked
    assert Masking([SECRET]).once("`s3c` and s3cr3t/Pass, then") == "`s3c` and s3cr3t/Pass, then"


def test_secrets_are_found_wherever_they_are() -> None:
    letters = random.Random(4711)
    for _ in range(300):
        few = "ab c"[: letters.randint(2, 4)]
        secrets = tuple("".join(letters.choices(few, k=letters.randint(4, 9))) for _ in range(letters.randint(1, 4)))
        lines = ["".join(letters.choices([*few, *"xyz", *secrets], k=letters.randint(0, 30))) for _ in range(5)]
        shown = read("".join(f"{line}\n" for line in lines).encode(), secrets=secrets)
        assert not any(secret in "".join(shown) for secret in secrets if MASK not in secret)
        plain = Masking(secrets)
        plain._begin = None
        for line in lines:
            plain.feed(line)
        plain.close()
        starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
        assert shown == [plain.masked(start, line) for start, line in zip(starts, lines, strict=True)]
