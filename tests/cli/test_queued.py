"""A deploy that nobody begins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.apart import Apart
from tests.system.test_survival import child, title

from .conftest import Person


@pytest.fixture
def frozen(person: Person) -> Iterator[Callable[[], None]]:
    """Workers that do nothing, until this lets them go on."""
    if isinstance(person.platform, Apart):
        workers = [process.pid for process in person.platform.processes if " worker " in title(process.pid)]
    else:
        workers = [child(person.platform, "worker")]

    def tell(number: signal.Signals) -> None:
        for worker in workers:
            os.kill(worker, number)

    tell(signal.SIGSTOP)
    yield lambda: tell(signal.SIGCONT)
    tell(signal.SIGCONT)


def test_a_deploy_that_no_worker_takes_is_said_to_be_queued(
    person: Person, slug: str, frozen: Callable[[], None]
) -> None:
    impatient = "from easel.cli import main, queued; queued.PATIENCE = 0.2; main.main()"

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", impatient, *arguments],
            cwd=person.folder,
            env={**os.environ, **person.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    person.write(index_html="<!doctype html>one")
    person.ok("deploy", "--create", "-m", "one", "--no-wait")
    followed = start("logs", "-f", "--json", "--app", slug)
    deploying = start("deploy", "-m", "two")
    assert deploying.stderr is not None
    said = next(line for line in deploying.stderr if "Still queued" in line)
    assert said.strip() == "Note: Still queued after 0.2 s; is a worker running?"
    frozen()
    assert "Version 2 is live" in deploying.communicate(timeout=30)[1]
    out, err = followed.communicate(timeout=30)
    assert (json.loads(out)["status"], err) == ("complete", "")
