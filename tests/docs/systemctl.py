"""The part of `systemctl` that the documents use, for machines without systemd. It starts services as their units
state."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(os.environ["MACHINE"])


def main(verb: str, names: list[str]) -> None:
    for name in names:
        if not name.endswith(".service"):
            continue
        if verb in ("stop", "restart"):
            stop(name)
        if verb in ("enable", "start", "restart"):
            start(name)


def start(name: str) -> None:
    lines = [line.partition("=") for line in (ROOT / "etc/systemd/system" / name).read_text().splitlines()]
    unit = {key: value for key, _, value in lines}
    # As with systemd, no variable of the caller is passed on. `easel serve` leaves a note for its user in the home.
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(ROOT)}
    for line in Path(unit["EnvironmentFile"]).read_text().splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            environment[key] = value
    command = [word.replace("${BACKUP_PLACE}", environment["BACKUP_PLACE"]) for word in shlex.split(unit["ExecStart"])]
    with (ROOT / "journal").open("ab") as journal:
        process = subprocess.Popen(command, env=environment, stdout=journal, stderr=journal, start_new_session=True)
    if unit.get("Type") == "oneshot":
        sys.exit(process.wait())
    pid_file(name).write_text(str(process.pid))


def stop(name: str) -> None:
    if not pid_file(name).exists():
        return
    process = int(pid_file(name).read_text())
    os.kill(process, signal.SIGTERM)
    while os.path.exists(f"/proc/{process}") and not ended(process):
        time.sleep(0.02)
    pid_file(name).unlink()


def ended(process: int) -> bool:
    """Returns true if the process has ended, even if its parent has not collected it yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def pid_file(name: str) -> Path:
    return ROOT / "run" / name.replace(".service", ".pid")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
