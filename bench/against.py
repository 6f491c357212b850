"""Compares this tree with another commit: the same benchmarks on both, in turn, in one run.

Both sides use this tree's benchmark code, and their own Easel. The machine's other load changes from minute to minute,
so each round of one side is compared with the next round of the other.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measure import Report

ROUNDS = 5
ROOT = Path(__file__).parents[1]

_OWN_DETAILS = ("easel_s", "easel_per_s", "deploy_s", "p95_ms")
"""The names of Easel's own values in figures that are ratios to a peer. These values do not contain the peer's
noise."""


@dataclass
class Side:
    """One side: the Python that runs it, the folder with its Easel, and the measurements of each round."""

    name: str
    python: Path
    source: Path
    rounds: list[dict[str, tuple[float, str]]] = field(default_factory=list)
    """The value and unit of each row."""
    figures: list[list[dict[str, Any]]] = field(default_factory=list)

    def measure(self, part: str, figures: Path) -> None:
        """Runs the benchmark once more. Raises RuntimeError if it could not be measured."""
        figures.unlink(missing_ok=True)
        command = [str(self.python), "-m", "bench", part, "--figures", str(figures)]
        # A missed target also ends with 1, which does not matter here.
        done = subprocess.run(
            command,
            cwd=ROOT,
            # Peers take most of a benchmark's time, and their noise is irrelevant to this comparison.
            env={**os.environ, "PYTHONPATH": str(self.source), "BENCH_ALONE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        found: dict[str, Any] = json.loads(figures.read_text()) if figures.exists() else {}
        if not found or found.get("failed"):
            raise RuntimeError(f"{part} could not be measured on the {self.name} side:\n{done.stdout[-4000:]}")
        self.figures.append(found["figures"])
        self.rounds.append(_rows(found["figures"]))


def compare(commit: str, parts: list[str], rounds: int) -> int:
    """Runs each benchmark that many times on the commit and on this tree in turn, prints this tree's figures divided by
    the commit's, and saves all of them. Returns 1 if a row is missing on one side. Raises CalledProcessError for an
    unknown commit. Raises RuntimeError if a benchmark cannot be measured."""
    report, kept = Report(), {}
    with tempfile.TemporaryDirectory(prefix="easel-against-", ignore_cleanup_errors=True) as folder:
        full, tree = _checked_out(commit, Path(folder))
        python = _python_of(tree, Path(folder))
        print(f"{full[:9]} (old) and this tree (new), {rounds} rounds of each in turn", flush=True)
        for part in parts:
            old, new = Side("old", python, tree / "src"), Side("new", Path(sys.executable), ROOT / "src")
            for _ in range(rounds):
                for side in (old, new):
                    side.measure(part, Path(folder, "figures.json"))
            _report(report, old, new)
            kept[part] = {"old": old.figures, "new": new.figures}
    print(f"written to {report.write({'against': full, 'rounds': kept})}")
    return 0 if report.good else 1


def _checked_out(commit: str, folder: Path) -> tuple[str, Path]:
    """Returns the commit's full name, and the folder with its tree."""
    full = _git(ROOT, "rev-parse", "--verify", f"{commit}^{{commit}}").strip()
    tree = folder / "old"
    # This is a clone instead of a work tree, so that nothing remains in the repository if a run is killed.
    _git(ROOT, "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(tree))
    _git(tree, "checkout", "--quiet", "--detach", full)
    return full, tree


def _python_of(tree: Path, folder: Path) -> Path:
    """Returns the Python for the tree: this one if it has exactly the tree's packages, else a new environment."""
    if _pins(tree) <= _pins(ROOT):
        return Path(sys.executable)
    home = folder / "venv"
    python = home / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    uv = Path(sys.executable).with_name("uv")
    install = [str(uv), "pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
    subprocess.run([*install, "-r", str(tree / "requirements" / "dev.txt")], check=True)
    return python


def _pins(tree: Path) -> set[str]:
    """Returns the pinned packages of the tree, with their versions and systems."""
    lines = (tree / "requirements" / "runtime.txt").read_text().splitlines()
    return {re.sub(r"[\s\\]+$", "", line) for line in lines if re.match(r"[\w.\[\],-]+==", line)}


def _rows(figures: list[dict[str, Any]]) -> dict[str, tuple[float, str]]:
    rows = {}
    for figure in figures:
        rows[figure["name"]] = (figure["value"], figure["unit"])
        for name in _OWN_DETAILS:
            if name in figure["detail"]:
                rows[f"{figure['name']}: {name}"] = (figure["detail"][name], name.rpartition("_")[2])
    return rows


def _report(report: Report, old: Side, new: Side) -> None:
    """Prints one line for each row: the median, over all rounds, of this tree's value divided by the commit's value,
    and the spread."""
    for name in dict.fromkeys(name for side in (old, new) for one in side.rounds for name in one):
        pairs = [(a[name], b[name]) for a, b in zip(old.rounds, new.rounds, strict=True) if name in a and name in b]
        if len(pairs) < len(old.rounds) or not all(a[0] for a, _ in pairs):
            report.fail(f"new / old: {name}", "not measured on both sides in every round")
            continue
        ratios = [b[0] / a[0] for a, b in pairs]
        unit = pairs[0][0][1]
        report.add(
            f"new / old: {name}",
            statistics.median(ratios),
            "x",
            lowest=min(ratios),
            highest=max(ratios),
            old=statistics.median(a[0] for a, _ in pairs),
            new=statistics.median(b[0] for _, b in pairs),
            of=unit,
        )


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
