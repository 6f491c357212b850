"""A deploy that no worker begins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from testbed.databases import Migrated
from testbed.running import Platform, RunningApp, forked_platform, zip_of
from tests.apart import Apart
from tests.system.test_survival import child, title

from ..conftest import Person


@pytest.fixture
def frozen(person: Person) -> Iterator[Callable[[], None]]:
    """Yields a function that freezes the workers until the block ends."""
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


def start(person: Person, *arguments: str) -> subprocess.Popen[str]:
    """Starts `easel …`, with a short time before its note."""
    impatient = "\n".join(
        (
            "from easel.cli.main import main",
            "from easel.cli.shipping import queue_note",
            "queue_note.REPORT_AFTER = 0.2",
            "main()",
        )
    )
    return subprocess.Popen(
        [sys.executable, "-c", impatient, *arguments],
        cwd=person.folder,
        env={**os.environ, **person.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    """Returns the note about being queued."""
    assert process.stderr is not None
    return next(line for line in process.stderr if "Still queued" in line).strip()


def test_a_deploy_without_a_worker_is_reported_as_queued(person: Person, slug: str, frozen: Callable[[], None]) -> None:
    person.write(index_html="<!doctype html>one")
    person.ok("deploy", "--create", "-m", "one", "--no-wait")
    followed = start(person, "logs", "-f", "--json", "--app", slug)
    deploying = start(person, "deploy", "-m", "two")
    assert said(deploying) == "Note: Still queued after 0.2 s. Perhaps no worker is running."
    frozen()
    assert "Version 2 is live" in deploying.communicate(timeout=60)[1]
    out, err = followed.communicate(timeout=60)
    assert (json.loads(out)["status"], err) == ("complete", "")


@pytest.fixture
def limited(migrated: Migrated) -> Iterator[Platform]:
    """Yields a platform on which an organisation may run one deploy at a time."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        platform = forked_platform(Path(folder), EASEL_DEPLOYS_AT_ONCE_PER_ORGANISATION="1")
        migrated.copy_to(platform.data_dir / "postgres")
        platform.start()
        yield platform
        platform.stop()


def test_a_deploy_at_a_limit_does_not_wait_for_a_worker(person: Person, limited: Platform) -> None:
    platform, worker = limited, child(limited, "worker")
    try:
        other = RunningApp.create(platform)
        key = other.upload(zip_of({"index.html": "<!doctype html>another"}))
        person = replace(
            person, platform=platform, environment={**person.environment, "EASEL_DATA_DIR": str(platform.data_dir)}
        )
        person.write(index_html="<!doctype html>one")
        with platform.database() as connection:
            # A worker registers some time after its start.
            while connection.execute("select from procrastinate_workers").fetchone() is None:
                time.sleep(0.02)
        os.kill(worker, signal.SIGSTOP)
        running = other.order(key)
        with platform.database() as connection:
            # The job looks as if the worker had begun this other deploy.
            connection.execute(
                "update procrastinate_jobs set status = 'doing',"
                " worker_id = (select max(id) from procrastinate_workers) where args ->> 'deploy_id' = %s",
                (running,),
            )
            connection.execute("update deploy set status = 'building' where id = %s", (running,))
        assert said(deploying := start(person, "deploy", "--create", "-m", "one")) == (
            "Note: Still queued after 0.2 s: your organisation's limit of simultaneous deploys is reached."
        )
        with platform.database() as connection:
            connection.execute(
                "update procrastinate_jobs set status = 'todo', worker_id = null where args ->> 'deploy_id' = %s",
                (running,),
            )
        os.kill(worker, signal.SIGCONT)
        assert "Version 1 is live" in deploying.communicate(timeout=60)[1]
    finally:
        os.kill(worker, signal.SIGCONT)
