"""What the processes of `easel serve` are made of, imported once: they are forked from a process that imports this.

The import also makes that process end together with the supervisor, so that whatever kills a supervisor takes all of
its processes along.
"""

from __future__ import annotations

import gc
import os

import uvicorn.protocols.http.httptools_impl  # noqa: F401
import uvloop  # noqa: F401
from setproctitle import setproctitle

import easel.api.application
import easel.edge.server
import easel.running.preparing
import easel.running.roles
import easel.worker.worker

SUPERVISOR = "EASEL_SUPERVISOR"
"""The variable that holds the process id of the supervisor."""
PID = os.getpid()
"""The process that the others are forked from."""

easel.running.roles.end_with(int(os.environ[SUPERVISOR]))
setproctitle("easel: forks its processes")
# What is frozen is never looked through for garbage, so its memory stays shared between the processes.
gc.collect()
gc.freeze()
