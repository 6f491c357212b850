"""Hostile builds: they reach no part of Easel, of other builds or of the machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from easel.builds.errors import BuildVariableInvalidError
from easel.builds.sandbox.bubblewrap import Bubblewrap
from easel.builds.sandbox.command import Mount
from easel.builds.sandbox.sandbox import Sandbox
from easel.builds.sandbox.user import BuildUser, own
from easel.settings import Settings
from tests.builds.sandbox.conftest import Bench, running

SYSTEM = ("bin", "dev", "etc", "lib", "proc", "sbin", "tmp", "usr")
SECRET = "sesame-4711"


async def test_a_build_sees_its_folder_and_the_systems_programs(bench: Bench) -> None:
    (bench.work / "index.html").write_text("<h1>hello</h1>\n")
    ended = await bench.run("cat index.html; pwd; id -un; echo $HOME; ls /; echo made > made")
    assert (ended.code, ended.reason) == (0, None)
    first, *rest = bench.text.split()
    assert (first, rest[:3]) == ("<h1>hello</h1>", ["/build", "build", "/home/build"])
    assert {*rest[3:]} - {"lib32", "lib64", "libx32"} == {*SYSTEM, "build", "home"}
    assert (bench.work / "made").read_text() == "made\n"


async def test_easels_files_cannot_be_read(bench: Bench, data_dir: Path, tmp_path: Path) -> None:
    for file in (data_dir / "secret-key", data_dir / "scratch" / "other-build" / "index.js", tmp_path / "key"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SECRET)
        file.chmod(0o644)
    (bench.work / "link").symlink_to(data_dir / "secret-key")
    files = f"link {data_dir}/secret-key {tmp_path}/key /proc/1/root{data_dir}/secret-key /proc/1/cwd/secret-key"
    await bench.run(f"cat {files} /etc/shadow /etc/machine-id; ls /var /root /opt {Path.home()} {Path.cwd()}")
    assert SECRET not in bench.text
    assert len(bench.text.splitlines()) == bench.text.count("No such file or directory") == 12


async def test_easels_environment_and_processes_cannot_be_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_SECRET_KEY", SECRET)
    await bench.run("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; env; ls /proc | grep -c '^[0-9]'; kill -9 -1")
    assert SECRET not in bench.text
    assert "pytest" not in bench.text
    assert "EASEL" not in bench.text


async def test_secrets_of_a_build_are_in_no_command_line(bench: Bench) -> None:
    task = asyncio.create_task(bench.run("echo ready; sleep 3600", environment={"TOKEN": SECRET}))
    while not bench.output:
        await asyncio.sleep(0.01)
    seen = running(SECRET)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A", "x\0--bind\0/\0/host"),
        ("A\0--bind\0/\0/host", "x"),
        ("A=B", "x"),
        ("", "x"),
        ("A B", "x"),
        ("A", "\ud800"),
        ("A", "x" * 140_000),
    ],
)
async def test_a_variable_that_could_change_the_sandbox_command_is_refused(bench: Bench, name: str, value: str) -> None:
    with pytest.raises(BuildVariableInvalidError):
        await bench.run("ls /host", environment={name: value})


async def test_unusual_variables_arrive_unchanged(bench: Bench) -> None:
    value = "--bind / /host\n\t'\"$(id) `id` ü \x7f"
    await bench.run('printf %s "$npm_config_x-y.z"; printf %s "$A"', environment={"A": value, "npm_config_x-y.z": "1"})
    assert bench.text == "-y.z" + value


async def test_another_build_is_neither_seen_nor_reached(bench: Bench, tmp_path: Path) -> None:
    other = Bench(bench.sandbox, tmp_path / "other")
    other.work.mkdir()
    bench.sandbox.own(other.work)
    task = asyncio.create_task(
        other.run(f"echo {SECRET} > secret; echo {SECRET} > /tmp/secret; echo ready; sleep 3600")
    )
    while not other.output:
        await asyncio.sleep(0.01)
    await bench.run(f"cat {other.work}/secret /tmp/secret /proc/*/cwd/secret; ps ax; kill -9 -1")
    assert SECRET not in bench.text
    assert "sleep" not in bench.text
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_build_can_write_only_to_its_folder(bench: Bench, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir(mode=0o777)
    places = "/ /usr /usr/bin /etc /dev /home /proc/sys/kernel /given /usr/local/etc"
    await bench.run(f"for at in {places}; do echo x > $at/written && echo $at; done", mounts=(Mount(given, "/given"),))
    assert [line for line in bench.text.splitlines() if line.startswith("/")] == []
    assert list(given.iterdir()) == []


async def test_a_tree_that_is_deeper_than_a_path_is_long_can_be_given_away(bench: Bench) -> None:
    script = "import os\nfor n in range(3000): os.mkdir('deep'); os.chdir('deep')"
    assert (await bench.python(script)).code == 0
    bench.sandbox.own(bench.work)
    subprocess.run(["rm", "-rf", bench.work / "deep"], check=True)


async def test_files_of_a_build_do_not_belong_to_root(bench: Bench) -> None:
    await bench.run(
        "echo x > file; chmod 4777 file; mkdir folder; chmod 2777 folder; cp /bin/sh shell; chmod 4755 shell"
    )
    if os.geteuid() == 0:
        assert {(bench.work / name).stat().st_uid for name in ("file", "folder", "shell")}.isdisjoint({0})
    assert await bench.run("./shell -c 'test $(id -u) = 1000'") is not None


async def test_the_program_that_makes_the_sandbox_cannot_be_changed_by_its_owners_builds(
    data_dir: Path, tmp_path: Path, bench: Bench
) -> None:
    found = Bubblewrap.find()
    if found is None or found.folders:
        pytest.skip("a program without folders of its own is needed, such as Debian's")
    program = tmp_path / "own" / "bwrap"
    program.parent.mkdir()
    shutil.copy(found.program, program)
    user = BuildUser.claim(Settings(data_dir=data_dir))
    if user is not None:
        own(program.parent, user.number)
    own_sandbox = Sandbox(Settings(data_dir=data_dir), Bubblewrap(program, (program.parent,)), user)
    try:
        own_sandbox.own(bench.work)
        changes = "chmod 000 /proc/1/exe; chmod 4777 /proc/1/exe; echo ran"
        await Bench(own_sandbox, bench.work, bench.output).run(changes)
    finally:
        own_sandbox.close()
    assert bench.text.count("Read-only file system") == 2
    assert bench.text.endswith("ran\n")
    assert program.stat().st_mode & 0o777 == 0o755


TRIES = """
import ctypes, errno, os, platform, struct
libc = ctypes.CDLL(None, use_errno=True)
column = 0 if platform.machine() == "x86_64" else 1
buffer = ctypes.create_string_buffer(4096)
def call(name, numbers, *arguments):
    number = numbers[column]
    ctypes.set_errno(0)
    if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)) >= 0:
        print("allowed", name)
    else:
        print("refused", name, errno.errorcode[ctypes.get_errno()])
call("ptrace", (101, 117), 0, 0, 0, 0)
call("attach", (101, 117), 16, 1, 0, 0)
call("process_vm_readv", (310, 270), 1, buffer, 1, buffer, 1, 0)
call("mount", (165, 40), b"tmpfs", b"/tmp", b"tmpfs", 0, None)
call("umount", (166, 39), b"/tmp", 2)
call("pivot_root", (155, 41), b"/tmp", b"/tmp")
call("chroot", (161, 51), b"/tmp")
call("open_tree", (428, 428), -100, b"/", 1)
call("fsopen", (430, 430), b"tmpfs", 0)
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    call("unshare " + hex(flag), (272, 97), flag)
    call("clone " + hex(flag), (56, 220), flag | 17, 0, 0, 0, 0)
call("clone3", (435, 435), ctypes.create_string_buffer(struct.pack("8Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0)), 64)
call("setns", (308, 268), os.open("/proc/self/ns/user", os.O_RDONLY), 0)
call("bpf", (321, 280), 0, buffer, 120)
call("perf_event_open", (298, 241), buffer, 0, -1, -1, 0)
call("userfaultfd", (323, 282), 1)
call("keyctl", (250, 219), 0, -3, 1)
call("add_key", (248, 217), b"user", b"x", b"y", 1, -3)
call("io_uring_setup", (425, 425), 8, buffer)
call("memfd_create", (319, 279), b"x", 0)
call("shmget", (29, 194), 0, 4096, 0o600 | 0o1000)
call("personality", (135, 92), 0x0040000)
call("name_to_handle_at", (303, 264), -100, b"/build", buffer, buffer, 0)
call("open_by_handle_at", (304, 265), -100, buffer, 0)
call("syslog", (103, 116), 3, buffer, 4096)
call("sethostname", (170, 161), b"easel", 5)
call("pidfd_getfd", (438, 438), 0, 0, 0)
call("vsock", (41, 198), 40, 1, 0)
call("packet", (41, 198), 17, 3, 0)
call("netfilter", (41, 198), 16, 3, 12)
call("alg", (41, 198), 38, 5, 0)
call("raw", (41, 198), 2, 3, 1)
if column == 0:
    call("x32 mount", (165 | 0x40000000, 0), b"tmpfs", b"/tmp", b"tmpfs", 0, None)
import pty, fcntl
master, slave = pty.openpty()
for name, number in (("TIOCSTI", 0x5412), ("TIOCLINUX", 0x541C)):
    call(name, (16, 29), slave, number, b"x")
    call(name + " with other upper bits", (16, 29), slave, number | 1 << 32, b"x")
"""


async def test_system_calls_that_lead_out_are_refused(bench: Bench) -> None:
    ended = await bench.python(TRIES)
    lines = bench.text.splitlines()
    assert ended.code == 0, bench.text
    assert [line for line in lines if not line.startswith("refused")] == []
    assert len(lines) > 45
    assert "refused clone3 ENOSYS" in lines
    assert "refused ptrace EPERM" in lines


async def test_a_build_can_get_no_namespace_and_no_privileges(bench: Bench) -> None:
    await bench.run(
        "unshare -Ur id; unshare -n id; mount -t tmpfs x /tmp; grep -E 'Cap(Prm|Eff|Bnd)|NoNewPrivs' /proc/self/status"
    )
    assert "uid=" not in bench.text
    assert bench.text.count("0000000000000000") == 3
    assert "NoNewPrivs:\t1" in bench.text


async def test_no_descriptor_of_easel_is_left_open(bench: Bench) -> None:
    await bench.python(
        "import os; at = '/proc/self/fd/'\n"
        "print(sorted(os.readlink(at + name).split(':')[0] for name in os.listdir(at)[:-1]))"
    )
    assert bench.text == "['/dev/null', 'pipe', 'pipe']\n"


async def test_the_needs_of_a_builds_programs_are_met(bench: Bench) -> None:
    """Programs need compilers, threads, shared memory, pseudo-terminals, the user's name, temporary files and
    certificates."""
    ended = await bench.python(
        "import pwd, os, threading, tempfile, pty, ssl, socket\n"
        "threading.Thread(target=print, args=('thread',)).start(); pty.openpty(); tempfile.TemporaryFile()\n"
        "open('/dev/shm/x', 'w').write('x'); socket.create_server(('127.0.0.1', 0)); socket.socketpair()\n"
        "print(pwd.getpwuid(os.getuid()).pw_name, open(os.environ['SSL_CERT_FILE']).read(5))"
    )
    assert ended.code == 0, bench.text
    assert "build -----" in bench.text


@pytest.mark.skipif(not Path("/usr/bin/node").exists(), reason="no /usr/bin/node")
async def test_node_with_workers_runs_under_the_filter(bench: Bench) -> None:
    script = (
        "new (require('worker_threads').Worker)('1', { eval: true }); require('child_process').execFileSync('true');"
        "console.log(os.userInfo().username, Object.keys(os.networkInterfaces()))"
    )
    assert (await bench.run("node", "-e", script)).code == 0, bench.text
    assert "build [ 'lo' ]" in bench.text
