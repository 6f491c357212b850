"""The nursery: the process that forks the other processes of `easel serve`. It has imported their modules, has no
threads and no event loop, and only forks.

The supervisor forks it before starting any thread, so that all processes share the memory of the modules. If it is
killed, a new process replaces it, and imports the modules itself.

A request consists of two lengths, up to three sockets, the names of modules, and a pickled function with its arguments
and the title of the new process. The nursery first imports the modules that are not imported yet. The sockets are:

1. The socket for messages about the new process. Each message has the form kind, length, bytes. The first message is
the process's id, which the process sends once its signal handlers are reset. While it runs, the process may request
another role. The last message is the process's end, which the nursery sends.
2. A socket that becomes the function's last argument.
3. A socket on which the nursery receives requests of the new process.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import pickle
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn, get_args

from setproctitle import setproctitle

from easel.running.parent_death import end_with
from easel.settings import Role

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "api": (
        "easel.access.instance_key",
        "easel.api.application",
        "easel.api.lane.server",
        "easel.api.protocol",
        "easel.api.server",
        "easel.connections.private",
        "easel.running.lane",
        "uvicorn.lifespan.on",
        "uvicorn.protocols.http.httptools_impl",
        "uvloop",
    ),
    "worker": ("easel.worker.worker", "procrastinate.builtin_tasks", "uvloop"),
    "builder": ("easel.worker.builder", "procrastinate.builtin_tasks", "uvloop"),
    "edge": ("easel.edge.server", "uvicorn.lifespan.off", "uvicorn.protocols.http.httptools_impl", "uvloop"),
}
"""The modules that the processes of each role import."""
PREPARING: Final = "easel.running.preparing"
"""The module that prepares the database and the object store. It is needed only if all roles run on one machine."""

HEAD = struct.Struct("!HI")
"""The head of a request: the lengths of its two parts (the names of modules, and the function)."""
FRAME = struct.Struct("!cI")
"""The head of a reply: its kind and its length."""
STARTED, WANTED, RESULT, FAILED, ENDED = b"s", b"w", b"r", b"f", b"e"
NUMBER = struct.Struct("!i")
"""The content of two kinds of replies: a process's id, or its exit code. A negative exit code is the signal that ended
the process."""


_own: socket.socket | None = None
"""The socket through which a forked process sends messages to the supervisor. None in any other process."""


def ask_for(role: Role) -> None:
    """Asks the supervisor to run the role. Call this function in a process that the supervisor has started."""
    if _own is not None:
        _tell(_own, WANTED, role.encode())


@contextmanager
def _reading() -> Iterator[None]:
    # Importing modules leaves hardly any garbage, and collections would take a tenth of the time.
    gc.disable()
    try:
        yield
    finally:
        # The garbage collector skips frozen objects, so their memory stays shared between the processes.
        gc.freeze()
        gc.enable()


def read(names: Iterable[str]) -> None:
    """Imports the modules with these names."""
    with _reading():
        for name in names:
            importlib.import_module(name)


def read_modules(roles: Sequence[Role], *, pools: Iterable[int] = ()) -> None:
    """Imports the modules that the processes of these roles need, and prepares database pools of these sizes for
    them."""
    read(dict.fromkeys(name for role in roles for name in MODULES[role]))
    with _reading():
        if "api" in roles:
            importlib.import_module("easel.api.application").make_ahead()
        if set(roles) - {"edge"}:
            importlib.import_module("easel.storage.database").make_ahead(pools)


def serve(control: socket.socket, supervisor: int) -> NoReturn:
    """Forks the processes that are requested on the socket `control`, until the socket is closed or the supervisor (a
    process id) has ended."""
    setproctitle("easel: forks its processes")
    end_with(supervisor)
    # A terminal or a service manager signals all processes at once. The nursery ignores these signals, because the
    # supervisor stops the processes in order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    ended, woken = socket.socketpair()
    woken.setblocking(False)
    ended.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    channels: dict[int, socket.socket] = {}
    lines = {control}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if ended in ready:
                ended.recv(4096)
                _report_ended(channels)
            for line in lines & ready:
                head, descriptors, _, _ = socket.recv_fds(line, HEAD.size, 3)
                if not head and line is control:
                    os._exit(0)
                if not head:
                    selector.unregister(line)
                    lines.remove(line)
                    line.close()
                    continue
                names, request = (received(line, size) for size in HEAD.unpack(head))
                _read_missing(names.decode().split())
                channel, *given = (socket.socket(fileno=descriptor) for descriptor in descriptors)
                child = os.fork()
                if child == 0:
                    for one in (*channels.values(), *lines, *given[1:], ended, woken):
                        one.close()
                    _live(channel, request, given[:1])
                channels[child] = channel
                for one in given[:1]:
                    one.close()
                for one in given[1:]:
                    lines.add(one)
                    selector.register(one, selectors.EVENT_READ)


def _read_missing(names: Iterable[str]) -> None:
    missing = [name for name in names if name not in sys.modules]
    if missing:
        # The new process imports these modules again, and reports their errors then.
        with suppress(Exception):
            read(missing)


def received(channel: socket.socket, size: int) -> bytes:
    """Returns `size` bytes from the socket. Raises EOFError if the socket is closed before they have arrived."""
    data = bytearray()
    while len(data) < size:
        piece = channel.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def _report_ended(channels: dict[int, socket.socket]) -> None:
    """Tells the supervisor about all forked processes that have ended."""
    while channels:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        with channels.pop(child) as channel:
            _tell(channel, ENDED, NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _live(channel: socket.socket, request: bytes, given: list[socket.socket]) -> NoReturn:
    """Runs the requested function in a forked process, from the process's start to its end."""
    global _own
    _own = channel
    parent = os.getppid()
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        end_with(parent)
        title, function, arguments = pickle.loads(request)  # noqa: S301 (the supervisor's)
        setproctitle(title)
        _tell(channel, STARTED, NUMBER.pack(os.getpid()))
        code = _called(channel, function, (*arguments, *given))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        # A forked process must not run its parent's exit handlers.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _called(channel: socket.socket, function: Any, arguments: tuple[Any, ...]) -> int:
    try:
        kind, found = RESULT, function(*arguments)
    except Exception as error:
        kind, found = FAILED, error
    _tell(channel, kind, pickle.dumps(found))
    return 0


def _tell(channel: socket.socket, kind: bytes, data: bytes) -> None:
    try:
        channel.sendall(FRAME.pack(kind, len(data)) + data)
    except OSError:
        # The supervisor has already closed its end of the socket.
        return


if __name__ == "__main__":
    # Forked processes import this copy of the module. Without it, they would import the module again, because its name
    # here is `__main__`.
    from easel.running import nursery

    # A nursery that replaces a killed one has these arguments: the socket's descriptor, the supervisor's process id,
    # and the roles.
    nursery.read_modules([role for role in get_args(Role) if role in sys.argv[3:]])
    nursery.serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
