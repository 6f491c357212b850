"""Commands for the people who run Easel, with a platform's settings."""

from __future__ import annotations

import os
import subprocess
import sys

from testbed.running import Platform


def run(platform: Platform, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """What the command said and printed, once it has ended as expected."""
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
    """All that it said and printed."""
    done = run(platform, *arguments, expect=expect)
    return done.stderr + done.stdout
