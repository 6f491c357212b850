"""A process that starts one command of a build, watches it, and ends all of its processes. It runs as `python -I -S`,
with the standard library only and one thread.

The builder starts the keeper in advance. The keeper's child joins the command's control groups in advance too, because
joining takes the kernel ten milliseconds. The child waits for a request on its standard output, which is a socket. A
request consists of a length, a JSON object, and the file descriptor for the command's output. The keeper sends its
messages as lines of JSON over its standard input, which is another socket:

- `listening`, with two file descriptors: one accepts the command's connections to the proxy, the other lists the
  command's sockets,
- `child`, with the process id of the sandbox's first process,
- `ended`, as the last message.

If the builder closes that socket, the keeper kills all processes of the command.

The keeper is a separate process because Python code must create the namespaces between fork and exec.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import Any, NoReturn

from easel.builds.sandbox import kernel

LENGTH = struct.Struct("!I")
STAGE = "/tmp"  # noqa: S108
"""A folder that every system has, below which the keeper mounts files for the sandbox. The mounts are in a private
mount namespace, so no other process sees them."""
INSIDE = 1000
"""The user id and group id that a command has inside the sandbox."""
PROXY_PORT = 3128
SOCK_DIAG = 4
"""The netlink family that lists the sockets of a network namespace (sock_diag(7))."""
_FIRST = re.compile(rb'"child-pid":\s*(\d+)\s*[,}]')
UNSTARTED = 125
"""The exit code that the keeper reports for a command that it could not start."""


def main() -> NoReturn:
    """Runs the keeper, which carries out one request. The program's second and later arguments are the files for
    joining the control groups."""
    builder = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kernel.adopt_orphans()
    nothing = os.open("/dev/null", os.O_RDWR)
    status, status_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _become_the_command(builder, status_end, sys.argv[2:])
        except BaseException as error:
            _say(builder, failed=f"{type(error).__name__}: {error}")
            os._exit(UNSTARTED)
    # Only the child keeps the socket for requests open, so that the builder notices the child's end.
    os.dup2(nothing, 1)
    os.close(status_end)
    _keep(builder, child, status)
    os._exit(0)


def _become_the_command(builder: socket.socket, status: int, groups: list[str]) -> NoReturn:
    """Makes all preparations that do not depend on the request, waits for the request, and carries it out. Raises
    OSError."""
    requests = socket.socket(fileno=os.dup(1))
    failed: OSError | None = None
    try:
        _prepare(groups)
    except OSError as error:
        failed = error
    head, received, _, _ = socket.recv_fds(requests, LENGTH.size, 1)
    if not head or not received:
        os._exit(0)
    length = LENGTH.unpack(head + requests.recv(LENGTH.size - len(head), socket.MSG_WAITALL))[0]
    request = json.loads(requests.recv(length, socket.MSG_WAITALL))
    os.set_inheritable(received[0], False)
    if failed is not None:
        raise failed
    _start(request, builder, received[0], status)


def _prepare(groups: list[str]) -> None:
    """Starts a session with low priority, in the control groups. Raises OSError."""
    os.setsid()
    # Python ignores the last two signals, and a started program would inherit this setting.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    kernel.be_idle()
    for path in groups:
        with open(path, "w") as file:
            file.write("0")
    os.umask(0o022)


def _say(builder: socket.socket, *descriptors: int, **message: Any) -> None:
    with suppress(OSError):
        socket.send_fds(builder, [json.dumps(message).encode() + b"\n"], descriptors)


def _keep(builder: socket.socket, child: int, status: int) -> None:
    """Waits until the command ends or the builder stops it, kills its remaining processes, and reports the result."""
    poll = select.poll()
    ended = os.pidfd_open(child)
    for descriptor in (builder.fileno(), ended, status):
        poll.register(descriptor, select.POLLIN)
    told, running, first = b"", True, None
    while running:
        for descriptor, _ in poll.poll():
            if descriptor == status:
                said = os.read(status, 4096)
                if not said:
                    poll.unregister(status)
                told += said
                if first is None and (first := _FIRST.search(told)):
                    _say(builder, child=int(first[1]), sandboxed=True)
            elif descriptor == ended:
                running = False
            else:
                os.kill(child, signal.SIGKILL)
                poll.unregister(descriptor)
    _, result = os.waitpid(child, 0)
    _end_all()
    os.set_blocking(status, False)
    with suppress(OSError):
        told += os.read(status, 4096)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = os.waitstatus_to_exitcode(result)
    _say(
        builder,
        ended=code if code >= 0 else 128 - code,
        started=b"exit-code" in told,
        processor=used.ru_utime + used.ru_stime,
    )


def _end_all() -> None:
    """Kills all descendants of this process, and waits for their end. Orphaned processes have become its children."""
    while True:
        # A stopped parent cannot start new processes while the others are killed.
        below = _below(os.getpid())
        for signalled in (signal.SIGSTOP, signal.SIGKILL):
            for process in below:
                try:
                    os.kill(process, signalled)
                except OSError:
                    continue
        try:
            while os.waitpid(-1, 0 if not below else os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _below(process: int) -> list[int]:
    found, level = [], [process]
    while level:
        level = [child for parent in level for child in kernel.children(parent)]
        found += level
    return found


def _start(request: dict[str, Any], builder: socket.socket, output: int, status: int) -> NoReturn:
    """Replaces this process by the requested command, in the requested sandbox (execve(2)). Raises OSError."""
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if request["kind"] == "unsandboxed":
        os.chdir(request["folder"])
        _limit(request["limits"])
        kernel.die_with_parent()
        _say(builder, child=os.getpid(), sandboxed=False)
        os.execvpe(request["argv"][0], request["argv"], request["environment"])  # noqa: S606
    if request["stages"]:
        _stage(request["stages"])
    user = request["user"]
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        kernel.be_dumpable()
    _own_network()
    # In the sandbox, /proc/1/exe leads to this file. The file may belong to the user of builds, who could change it.
    kernel.bind(request["bwrap"], request["bwrap"])
    kernel.make_read_only(request["bwrap"])
    with socket.socket() as listener, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as lister:
        listener.bind(("127.0.0.1", PROXY_PORT))
        listener.listen(256)
        _say(builder, listener.fileno(), lister.fileno(), listening=PROXY_PORT)
    kernel.die_with_parent()
    _limit(request["limits"])
    arguments = ["--json-status-fd", str(status), "--seccomp", str(_readable(bytes.fromhex(request["filter"])))]
    kept = [status, int(arguments[-1])]
    for place, text in request["files"].items():
        kept.append(_readable(text.encode()))
        arguments += ["--perms", "0444", "--file", str(kept[-1]), place]
    kept.append(
        _readable(
            b"".join(argument.encode() + b"\0" for argument in (*request["arguments"], *arguments, *request["closing"]))
        )
    )
    for descriptor in kept:
        os.set_inheritable(descriptor, True)
    os.execve(request["bwrap"], ["bwrap", "--args", str(kept[-1]), "--", *request["argv"]], {})  # noqa: S606


def _readable(content: bytes) -> int:
    """Returns a file descriptor, of a file in memory, from which bubblewrap can read these bytes."""
    descriptor = os.memfd_create("easel")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _stage(stages: dict[str, str]) -> None:
    """Binds files and folders to places below `STAGE`, for a user who may not enter their parent folders."""
    kernel.unshare(kernel.NEW_MOUNTS)
    kernel.keep_mounts()
    opened = {name: os.open(source, os.O_PATH) for name, source in stages.items()}
    kernel.mount_tmpfs(STAGE)
    for name, descriptor in opened.items():
        place = f"{STAGE}/{name}"
        os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            os.makedirs(place, 0o755, exist_ok=True)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
        kernel.bind(f"/proc/self/fd/{descriptor}", place)
        os.close(descriptor)


def _own_network() -> None:
    """Creates a network namespace with only `lo`, a mount namespace, and the user namespace that owns both."""
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.NEW_USER | kernel.NEW_NETWORK | kernel.NEW_MOUNTS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{INSIDE} {user} 1"), ("gid_map", f"{INSIDE} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    kernel.raise_loopback()


def _limit(limits: dict[str, list[int]]) -> None:
    for name, both in limits.items():
        number = getattr(resource, name)
        most = resource.getrlimit(number)[1]
        soft, hard = (one if most == resource.RLIM_INFINITY else min(one, most) for one in both)
        resource.setrlimit(number, (soft, hard))
