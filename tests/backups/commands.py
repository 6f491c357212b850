"""Operators' commands, with a platform's settings."""

from __future__ import annotations

import os
import subprocess
import sys

from testbed.running import Platform


def run(platform: Platform, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """The command's output, once it has ended with the expected exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "easel.cli.main", *arguments, "--data-dir", str(platform.data_dir)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **platform.environment},
    )
    assert done.returncode == expect, done.stderr
    return done


def easel(platform: Platform, *arguments: str, expect: int = 0) -> str:
    """The command's whole output."""
    done = run(platform, *arguments, expect=expect)
    return done.stderr + done.stdout
