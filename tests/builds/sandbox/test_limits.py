"""Builds that exceed a limit are ended, with the reason."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from easel.builds.sandbox.command import Mount
from easel.builds.sandbox.sandbox import Sandbox
from tests.builds.sandbox.conftest import MIB, PYTHON, Bench, running


@pytest.fixture(params=["cgroup", "watcher"])
def either(bench: Bench, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Yields the sandbox with the kernel's control groups if possible, and without control groups."""
    if request.param == "cgroup" and bench.sandbox._cgroups is None:
        pytest.skip("no control group can be made here")
    if request.param == "watcher":
        monkeypatch.setattr(bench.sandbox, "_cgroups", None)
    # The process that was started in advance would keep its control groups.
    bench.sandbox.close()
    yield bench
    bench.sandbox.close()


async def test_a_build_that_uses_memory_without_end_is_ended(either: Bench) -> None:
    ended = await either.run("head -c 900M /dev/zero | tail; sleep 3600", limits={"memory": 128 * MIB})
    assert ended.reason == "memory"
    assert ended.code != 0
    assert 0 < ended.peak_memory < 900 * MIB


async def test_the_memory_of_many_processes_is_added_up(either: Bench) -> None:
    line = "for n in 1 2 3 4 5 6; do (head -c 40M /dev/zero | tail | sleep 3600) & done; wait"
    assert (await either.run(line, limits={"memory": 128 * MIB})).reason == "memory"


@pytest.mark.builds
async def test_the_size_of_files_in_memory_is_limited(bench: Bench) -> None:
    line = "for at in /tmp /home/build /dev/shm /run /; do head -c 80M /dev/zero > $at/x; du -sm $at/x; done"
    await bench.run(line, limits={"memory": 128 * MIB})
    taken = [int(line.split()[0]) for line in bench.text.splitlines() if line[:1].isdigit()]
    assert sum(taken) <= 128 // 4 * 2 + 64


HOLDS = """
import socket, sys, time
held, total = [], 0
server = socket.create_server(("127.0.0.1", 0))
while total < 500 << 20:
    if sys.argv[1] == "tcp":
        pair = [socket.create_connection(server.getsockname()), server.accept()[0]]
    else:
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM if sys.argv[1] == "unix" else socket.SOCK_DGRAM)
    for one in pair:
        one.setblocking(False)
        try:
            while True:
                total += one.send(bytes(65536))
        except BlockingIOError:
            held.append(one)
print("held everything", flush=True)
time.sleep(3600)
"""


@pytest.mark.builds
@pytest.mark.parametrize("kind", ["tcp", "unix", "datagrams"])
async def test_the_memory_of_sockets_counts(either: Bench, kind: str) -> None:
    ended = await either.python(HOLDS, kind, limits={"memory": 128 * MIB})
    assert ended.reason == "memory"


# In this lane, no other test runs meanwhile: next to three of them, the processes took most of a minute.
@pytest.mark.builds
async def test_a_build_that_starts_processes_without_end_is_ended(either: Bench) -> None:
    script = "import os\nwhile True:\n try: os.fork()\n except OSError: pass  # 98771"
    assert (await either.python(script, limits={"processes": 32})).reason == "processes"
    assert running("98771") == []


@pytest.mark.builds
async def test_a_build_that_retries_to_start_processes_is_ended(bench: Bench) -> None:
    ended = await bench.run("f() { f | f & }; f; sleep 98772", limits={"processes": 32, "wall": 1})
    assert ended.reason in ("processes", "time")
    assert running("98772") == []


@pytest.mark.builds
async def test_threads_count_as_processes(bench: Bench) -> None:
    script = (
        "import threading, time\nwhile True:\n try: threading.Thread(target=time.sleep, args=(60,)).start()\n"
        " except RuntimeError: time.sleep(.1)"
    )
    assert (await bench.python(script, limits={"processes": 32})).reason == "processes"


async def test_processor_time_of_all_processes(either: Bench) -> None:
    line = "for n in 1 2 3; do (while :; do :; done) & done; wait"
    ended = await either.run(line, limits={"processor": 0.5})
    assert ended.reason == "processor"
    assert ended.processor >= 0.5


async def test_a_build_ends_at_its_time_limit(bench: Bench) -> None:
    ended = await bench.run("trap '' TERM INT HUP; sleep 3600", limits={"wall": 0.2})
    assert ended.reason == "time"
    assert 0.2 <= ended.seconds < 600


async def test_a_build_ends_at_the_limit_of_its_log(bench: Bench) -> None:
    ended = await bench.run("yes", limits={"log": 256 * 1024})
    assert ended.reason == "log"
    assert len(bench.output) == 256 * 1024


async def test_the_log_contains_the_output_of_a_build_that_prints_only_at_its_end(bench: Bench) -> None:
    ended = await bench.run("seq 100000", limits={"log": MIB})
    assert (ended.code, ended.reason, bench.text.splitlines()[-1]) == (0, None, "100000")


FILLS = {
    "one large file": "head -c 100M /dev/zero > file",
    "many files": "for n in $(seq 30); do head -c 4M /dev/zero > $n; done",
    "files without a name": 'for n in 3 4 5 6 7 8; do eval "exec $n>file; rm file; head -c 12M /dev/zero >&$n"; done',
    "a closed folder": "mkdir shut; for n in 1 2 3 4 5 6; do head -c 12M /dev/zero > shut/$n; done; chmod 0 shut",
    "the cache": "for n in $(seq 30); do head -c 4M /dev/zero > /cache/$n; done",
}


@pytest.mark.parametrize("how", FILLS)
async def test_a_build_that_fills_the_disk_is_ended(bench: Bench, how: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    bench.sandbox.own(cache)
    ended = await bench.run(
        f"{FILLS[how]}; sleep 3600",
        limits={"disk": 48 * MIB, "file_size": 200 * MIB},
        mounts=(Mount(cache, "/cache", writable=True),),
    )
    assert ended.reason == "disk"


MANY = "import itertools, os\nfor n in itertools.count(): os.mkdir(f'{n}') if n % 2 else open(f'{n}', 'w').close()"


@pytest.mark.parametrize("where", ["own", "cache", "shut"])
async def test_a_build_that_creates_files_without_end_is_ended(bench: Bench, where: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    bench.sandbox.own(cache)
    begin = {"own": "", "cache": "import os; os.chdir('/cache')\n", "shut": "import os\nos.mkdir('x'); os.chdir('x')\n"}
    ended = await bench.run(
        *(
            f"{sys.base_prefix}/bin/python3",
            "-ISc",
            begin[where] + ("os.chmod('.', 0o300)\n" * (where == "shut")) + MANY,
        ),
        limits={"files": 2_000},
        mounts=(*PYTHON, Mount(cache, "/cache", writable=True)),
    )
    assert ended.reason == "files"


async def test_empty_files_in_memory_count_as_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.sandbox, "_cgroups", None)
    ended = await bench.python("import os; os.chdir('/tmp')\n" + MANY, limits={"memory": 48 * MIB})
    assert ended.reason == "memory"


async def test_a_file_larger_than_the_disk_limit_is_never_written(bench: Bench) -> None:
    ended = await bench.run("exec head -c 900M /dev/zero > file", limits={"file_size": 8 * MIB})
    assert ended.reason == "disk"
    assert (bench.work / "file").stat().st_size == 8 * MIB


async def test_the_disks_reserve_is_left(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(bench.work).free
    monkeypatch.setattr(bench.sandbox._settings, "disk_reserve", str(free - 16 * MIB))
    ended = await bench.run("head -c 64M /dev/zero > file; sleep 3600")
    assert ended.reason == "disk_full"


async def test_a_caller_can_stop_a_build(bench: Bench) -> None:
    ended = await bench.run("echo ready; sleep 3600", should_stop=lambda: bool(bench.output))
    assert ended.reason == "stopped"


async def test_the_used_resources_are_reported(either: Bench) -> None:
    ended = await either.run("head -c 64M /dev/zero | tail -c 64M | (sleep 1; wc -c)")
    assert either.text == f"{64 * MIB}\n"
    assert 60 * MIB < ended.peak_memory < 400 * MIB
    assert 0 < ended.processor < 20


async def test_a_build_has_a_lower_priority_than_the_rest_of_the_machine(bench: Bench) -> None:
    # The session gets its priority a moment after the command has begun.
    tell = "cd /proc/self; until grep -q 'nice 10' autogroup; do sleep 0.1; done; cat autogroup"
    await bench.run(f'nice; setsid sh -c "{tell}"; ionice; cat /proc/self/oom_score_adj')
    nice, *group, disk, victim = bench.text.splitlines()
    assert (nice, disk, victim) == ("10", "idle", "1000")
    assert not group or group[0].endswith("nice 10")


async def test_a_build_cannot_raise_its_priority(bench: Bench) -> None:
    await bench.run('for file in autogroup oom_score_adj; do sh -c "echo 0 > /proc/self/$file"; done')
    assert bench.text.count("Read-only file system") == 2


def test_a_builder_has_a_separate_user(sandbox: Sandbox, data_dir: Path) -> None:
    from easel.builds.sandbox.user import BuildUser

    if os.geteuid() != 0:
        pytest.skip("Easel is not root")
    second = BuildUser.claim(sandbox._settings)
    assert sandbox._user is not None
    assert second is not None
    assert second.number == sandbox._user.number + 1 > 60_000
