"""A builder's process: it has low priority, runs one build at a time, and removes the remains of killed builders."""

from __future__ import annotations

import ctypes
import os
import platform as machine
import subprocess
import sys
from pathlib import Path

import pytest

from easel.deploys.building.folders import WorkFolder
from easel.running.low_priority import _IOPRIO_SET
from easel.settings import Settings
from testbed.running import Platform, RunningApp, zip_of
from tests.apart import Apart
from tests.system.test_survival import child

_IOPRIO_GET = {"x86_64": 252, "aarch64": 31}
IDLE = 3


def test_a_builder_gets_the_processor_and_the_disk_when_nothing_else_needs_them(platform: Platform) -> None:
    if isinstance(platform, Apart):
        pytest.skip("the processes of this platform are found in another way")
    app = RunningApp.create(platform)
    app.wait(app.order(app.upload(zip_of({"README": "a source"})), build=True))
    builder, worker = child(platform, "builder"), child(platform, "worker")
    assert os.getpriority(os.PRIO_PROCESS, builder) == os.getpriority(os.PRIO_PROCESS, worker) + 10
    number = _IOPRIO_GET.get(machine.machine())
    if number is not None and machine.machine() in _IOPRIO_SET:
        assert ctypes.CDLL(None).syscall(number, 1, builder) >> 13 == IDLE


def test_a_builder_imports_no_modules_of_api_edge_and_pipeline() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import easel.worker.builder, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    read = {name.partition(".")[0] for name in shown} | {name for name in shown if name.startswith("easel.")}
    assert not read & {"fastapi", "starlette", "uvicorn", "indexed_gzip", "alembic", "publicsuffixlist"}
    assert not [name for name in read if name.startswith(("easel.api", "easel.edge", "easel.deploys.steps"))]


def test_the_folder_of_a_builder_that_was_killed_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    killed = (
        "import os, sys; from pathlib import Path; from easel.settings import Settings;"
        " from easel.deploys.building.folders import WorkFolder;"
        " made = WorkFolder.made(Settings(data_dir=Path(sys.argv[1]))); (made.path / 'left').mkdir();"
        " print(made.path, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", killed, tmp_path], capture_output=True, text=True, check=False)
    left = Path(done.stdout.strip())
    assert (left / "left").exists()
    living = WorkFolder.made(settings)
    assert not left.exists()
    other = WorkFolder.made(settings)
    assert living.path.exists()
    for folder in (living, other):
        folder.remove()
    assert list((tmp_path / "builds" / "work").iterdir()) == []


def test_a_folder_is_removed_despite_changed_rights_and_links_are_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    folder = tmp_path / "build"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "c").write_text("x")
    (folder / "link").symlink_to(kept)
    for path in (folder / "a" / "b", folder / "a", folder):
        path.chmod(0)
    # Root ignores permissions. The programs that it starts must lose CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH to heed
    # them.
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import ctypes, sys; from pathlib import Path;"
            " from easel.deploys.building.folders import remove_tree;"
            " [ctypes.CDLL(None).prctl(24, right, 0, 0, 0) for right in (1, 2)]; remove_tree(Path(sys.argv[1]))",
            folder,
        ],
        check=False,
    )
    assert done.returncode == 0
    assert not folder.exists()
    assert (kept / "file").read_text() == "x"


def test_a_builder_starts_despite_the_remains_of_an_endlessly_deep_build(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    work = WorkFolder.made(settings)
    deep = "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')"
    subprocess.run([sys.executable, "-c", deep], cwd=work.path, check=True)
    work._lock.close()
    WorkFolder.made(settings).remove()
    assert list((tmp_path / "builds" / "work").iterdir()) == []
