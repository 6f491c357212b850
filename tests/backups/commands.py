"""Operators' commands, with a platform's settings."""

from __future__ import annotations

import subprocess

from testbed.running import Platform


def run(platform: Platform, name: str, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the command, and returns the result once it has ended with the expected exit code."""
    done = platform.run(name, *arguments)
    assert done.returncode == expect, done.stderr
    return done


def easel(platform: Platform, name: str, *arguments: str, expect: int = 0) -> str:
    """Returns the command's whole output."""
    done = run(platform, name, *arguments, expect=expect)
    return done.stderr + done.stdout
