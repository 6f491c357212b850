"""Work on a stranger's bytes grows no faster than their number: counted in instructions, not in seconds."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import easel

MOST = 5.0
"""Maximum factor of work for four times the bytes. It is a little more than four, because tables grow in steps."""
PARTS = 2
"""Number of processes that count at the same time. Each process runs a part of the readings."""
NOISE = 100_000
"""Number of instructions of the interpreter's occasional work, which is independent of the text."""

UNCOUNTED = (
    "it takes minutes: `make test-work` runs it"
    if not os.environ.get("EASEL_TEST_WORK")
    else "there is no valgrind to count instructions with"
    if shutil.which("valgrind") is None
    else ""
)


def counted(folder: Path, part: int) -> list[tuple[list[str], int, int]]:
    """Returns the groups, and their instructions at one size and at four times that size."""
    folder.mkdir()
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-before=getppid", "--dump-line=no"]
    command += [f"--callgrind-out-file={folder / 'out'}", f"--vgdb-prefix={folder / 'vgdb'}"]
    command += [sys.executable, "-W", "ignore", "-m", "tests.work.reading", str(part), str(PARTS)]
    # With this seed, the texts are the same, in the same order, each time.
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, env=environment
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "said").read_text()[-4000:]
        names: list[list[str]] = json.loads(line)
        on = ["vgdb", f"--pid={process.pid}", f"--vgdb-prefix={folder / 'vgdb'}", "instrumentation", "on"]
        subprocess.run(on, check=True, capture_output=True)
        process.stdin.write("go\n")
        process.stdin.close()
        process.wait()
    # The first dump is from before the readings. Each of the other dumps is one reading.
    totals = [_total(folder / f"out.{number}") for number in range(2, 2 * len(names) + 2)]
    return [(group, totals[2 * n], totals[2 * n + 1]) for n, group in enumerate(names)]


def _total(dump: Path) -> int:
    found = re.search(r"^(?:totals|summary): ([0-9]+)", dump.read_text(), re.MULTILINE)
    assert found is not None, dump
    return int(found[1])


def test_every_expression_is_measured() -> None:
    """Expressions inside a function would not be found."""
    package = Path(easel.__file__ or "").parent
    inline = re.compile(r"(?<![\w.])re\.(?:search|match|fullmatch|findall|finditer|split|subn?)\(")
    assert [file.name for file in package.rglob("*.py") if inline.search(file.read_text())] == []


@pytest.mark.skipif(bool(UNCOUNTED), reason=UNCOUNTED)
@pytest.mark.timeout(1200)
def test_four_times_the_bytes_take_four_times_the_work(tmp_path: Path) -> None:
    with ThreadPoolExecutor(PARTS) as pool:
        parts = list(pool.map(lambda part: counted(tmp_path / str(part), part), range(PARTS)))
    grown = [
        f"{large / small:.1f} times ({small:,} to {large:,} instructions): " + " | ".join(group)
        for group, small, large in itertools.chain(*parts)
        if large > MOST * small + NOISE
    ]
    assert not grown, "\n".join(grown)
