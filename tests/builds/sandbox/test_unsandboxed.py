"""Builds without a sandbox, if the operator chooses this: the same interface, and all possible limits."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from easel.builds.sandbox.command import Mount
from easel.builds.sandbox.environment import outside
from easel.builds.sandbox.sandbox import Sandbox
from easel.settings import Settings
from tests.builds.sandbox.conftest import MIB, Bench, running
from tests.builds.sandbox.test_ending import LEAVING


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    work = tmp_path / "work"
    work.mkdir()
    return Bench(Sandbox.find(Settings(data_dir=tmp_path / "data", builds="unsandboxed")), work)


async def test_an_unsandboxed_build_runs_in_its_folder_without_easels_variables(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_SECRET_KEY", "sesame-4711")
    assert bench.sandbox.kind == "unsandboxed"
    ended = await bench.run("pwd; env; echo made > /build/made; exit 7")
    assert ended.code == 7
    assert bench.text.startswith(f"{bench.work}\n")
    assert "sesame" not in bench.text
    assert "HTTPS_PROXY=http://easel:" in bench.text
    assert (bench.work / "made").exists()


async def test_the_paths_of_mounts_work_in_an_unsandboxed_build(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "version").write_text("24\n")
    mounts = (Mount(tmp_path / "tools", "/opt/tools"),)
    await bench.run("cat /opt/tools/version $FILE", mounts=mounts, environment={"FILE": "/opt/tools/version"})
    assert bench.text == "24\n24\n"


def test_only_complete_placeholders_are_replaced() -> None:
    places = {"/build": "/data/w", "/build/node_modules": "/data/n"}
    text = "/build:/build/x /build/node_modules/.bin ./build /builder a/build cd /build&&ls x=/build"
    assert outside(text, places) == "/data/w:/data/w/x /data/n/.bin ./build /builder a/build cd /data/w&&ls x=/data/w"


async def test_processes_that_were_left_behind_end_with_the_command(bench: Bench) -> None:
    await bench.run(LEAVING.format(mark="98781"))
    assert running("98781") == []


@pytest.mark.parametrize(
    ("line", "limits", "reason"),
    [
        ("head -c 900M /dev/zero | tail; sleep 98782", {"memory": 128 * MIB}, "memory"),
        ("sleep 98782", {"wall": 0.2}, "time"),
        ("yes", {"log": 100_000}, "log"),
        ("head -c 100M /dev/zero > file; sleep 98782", {"disk": 16 * MIB}, "disk"),
    ],
)
async def test_limits_end_an_unsandboxed_build(bench: Bench, line: str, limits: dict[str, float], reason: str) -> None:
    assert (await bench.run(line, limits=limits)).reason == reason
    assert running("98782") == []


async def test_a_missing_program_is_reported_by_name(bench: Bench) -> None:
    ended = await bench.run("no-such-program", "x")
    assert ended.code != 0


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="not root")
async def test_an_unsandboxed_build_runs_as_easels_user(bench: Bench) -> None:
    await bench.run("id -u")
    assert bench.text == "0\n"
