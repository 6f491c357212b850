"""If no sandbox can be made, one sentence states the reason and the solution."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from easel.builds.errors import BuildsOffError, SandboxUnavailableError
from easel.builds.sandbox.bubblewrap import Bubblewrap
from easel.builds.sandbox.sandbox import Sandbox
from easel.builds.sandbox.seccomp import MACHINES, program
from easel.settings import Settings


def why(tmp_path: Path) -> str:
    with pytest.raises(SandboxUnavailableError) as raised:
        Sandbox.find(Settings(data_dir=tmp_path / "data"))
    return raised.value.message


def test_a_machine_without_bubblewrap_cannot_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bubblewrap, "find", lambda: None)
    assert why(tmp_path) == (
        "This machine cannot build in a sandbox: bubblewrap is not installed. Install Debian's package `bubblewrap`, or"
        " `easel[builder]`. Or set EASEL_BUILDS=unsandboxed to build without a sandbox: every build then has all"
        " rights of Easel's user."
    )


def test_a_machine_with_another_architecture_cannot_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="riscv64"))
    assert "Easel has no filter of system calls for the architecture riscv64. Build on x86-64 or aarch64." in why(
        tmp_path
    )


def test_a_machine_with_a_broken_bubblewrap_cannot_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bubblewrap, "find", lambda: Bubblewrap(Path("/bin/false")))
    assert "bubblewrap ended at once" in why(tmp_path)


def test_the_sandbox_check_leaves_no_process(tmp_path: Path) -> None:
    def children() -> set[str]:
        tasks = Path("/proc/self/task").glob("*/children")
        return {child for task in tasks for child in task.read_text().split()}

    before = children()
    try:
        Sandbox.find(Settings(data_dir=tmp_path / "data"))
    except SandboxUnavailableError as error:
        pytest.skip(error.message)
    assert children() <= before


FIND = """
import sys
from pathlib import Path
from easel.builds.errors import SandboxUnavailableError
from easel.builds.sandbox.sandbox import Sandbox
from easel.settings import Settings
try:
    print(Sandbox.find(Settings(data_dir=Path(sys.argv[1]))).kind)
except SandboxUnavailableError as error:
    print(error.message)
"""


def test_a_machine_that_forbids_user_namespaces_cannot_build(tmp_path: Path) -> None:
    script = f'echo 0 > /proc/sys/user/max_user_namespaces && exec "{sys.executable}" -c "$0" "{tmp_path}/data"'
    done = subprocess.run(["unshare", "-Ur", "sh", "-c", script, FIND], capture_output=True, text=True)
    if "unshare" in done.stderr:
        pytest.skip("this user may not make user namespaces")
    assert "cannot build in a sandbox: OSError" in done.stdout, done
    assert "Set user.max_user_namespaces=15000 with sysctl, then start Easel again." in done.stdout


@pytest.mark.builds
def test_root_of_a_container_with_no_other_user_builds_as_itself(tmp_path: Path) -> None:
    done = subprocess.run(["unshare", "-Ur", sys.executable, "-c", FIND, str(tmp_path)], capture_output=True, text=True)
    if "unshare" in done.stderr:
        pytest.skip("this user may not make user namespaces")
    assert done.stdout == "sandboxed\n", done


def test_an_operator_can_turn_builds_off(tmp_path: Path) -> None:
    with pytest.raises(BuildsOffError):
        Sandbox.find(Settings(data_dir=tmp_path / "data", builds="off"))


@pytest.mark.parametrize("machine", MACHINES)
def test_a_filter_is_well_formed(machine: str) -> None:
    """Every jump goes forward and ends within the program, and the last instruction returns (the kernel's rules)."""
    code = program(machine)
    instructions = [code[at : at + 8] for at in range(0, len(code), 8)]
    assert len(code) % 8 == 0
    assert len(instructions) < 4096
    for number, instruction in enumerate(instructions):
        if instruction[0] & 7 == 5:
            assert number + 1 + max(instruction[2], instruction[3]) < len(instructions)
    assert instructions[-1][0] == 6
