"""Lists of a thousand items with 2 MiB of configuration each: their cost for the api, compared with reading the same
rows alone."""

from __future__ import annotations

import json
import re
import statistics
import time
from pathlib import Path

import psycopg

from bench.apart import descendants
from bench.measure import Report
from easel.versions.service import LATEST
from testbed.running import Platform, RunningApp, make_platform

COUNT = 1000
ROUNDS = 30

_LARGE = "repeat(md5({n}::text), 65536)"
"""2 MiB of text that differs for each number."""
_CONFIG = f"jsonb_build_object('meta', jsonb_build_object('title', 'x'), 'custom_html', {_LARGE})"


def run(report: Report, folder: Path) -> None:
    """Measures both lists on a separate platform."""
    (folder / "lists").mkdir()
    platform = make_platform(folder / "lists", EASEL_API_PROCESSES="1")
    platform.start()
    try:
        app = RunningApp.create(platform)
        with platform.database() as connection:
            _fill(connection, app)
        _measure(report, app, f"{app.path}/versions", "versions", at_most_ms=15, at_most_mib=10)
        _measure(report, app, "/v1/apps", "apps")
    finally:
        platform.stop()


def _fill(connection: psycopg.Connection[tuple[object, ...]], app: RunningApp) -> None:
    """Adds a thousand versions of the app, and a thousand other apps, each with its own configuration."""
    of_version, of_app = _CONFIG.format(n="n"), _CONFIG.format(n="(-n)")
    for statement in (
        f"""insert into configuration (app_id, hash, org_id, config)
            select id, encode(sha256(n::text::bytea), 'hex'), org_id, {of_version}
              from app, generate_series(1, {COUNT}) n where id = '{app.app_id}'""",
        f"""insert into version (app_id, number, org_id, kind, environment, manifest_key, config_hash, content_hash,
                                 config_version, file_count, total_bytes, message, deployed_by, deployed_at)
            select id, n, org_id, 'publish', 'production',
                   'apps/' || id || '/manifests/' || encode(sha256('x'), 'hex') || '.json',
                   encode(sha256(n::text::bytea), 'hex'), encode(sha256(n::text::bytea), 'hex'), n, 300, 2600000,
                   'What changed, in a few words', 'An Engineer (key_0123456789abcdef)', now()
              from app, generate_series(1, {COUNT}) n where id = '{app.app_id}'""",
        f"update app set last_version = {COUNT} where id = '{app.app_id}'",
        f"""insert into app (id, org_id, slug, is_active, draft, published, draft_hash, published_hash, last_version,
                             last_sequence, created_at, updated_at)
            select 'app_' || n, org_id, 'listed-' || n, true, {of_app}, {of_app}, n::text, n::text, 0, 0, now(), now()
              from app, generate_series(1, {COUNT}) n where id = '{app.app_id}'""",
        "vacuum analyze",
    ):
        connection.execute(statement.encode())


def _measure(
    report: Report,
    app: RunningApp,
    path: str,
    named: str,
    *,
    at_most_ms: float | None = None,
    at_most_mib: float | None = None,
) -> None:
    api = _api(app.platform)
    _get(app, path, 1)
    before = _resident(api, "VmRSS")
    # The peak is counted from this moment (proc(5), clear_refs).
    Path(f"/proc/{api}/clear_refs").write_text("5")
    first = _get(app, path, COUNT)
    growth = _resident(api, "VmHWM") - before
    began = _worked(api)
    for _ in range(ROUNDS):
        _get(app, path, COUNT)
    ours = (_worked(api) - began) / ROUNDS
    detail: dict[str, float] = {"answer_KiB": len(first) / 1024}
    if named == "versions":
        detail["psycopg_and_json_ms"] = _by_psycopg(app) * 1000
    report.add(f"list of {COUNT} {named} of 2 MiB, the api's CPU", ours * 1000, "ms", at_most=at_most_ms, **detail)
    report.add(f"list of {COUNT} {named} of 2 MiB, the api's memory", growth / 1024**2, "MiB", at_most=at_most_mib)


def _by_psycopg(app: RunningApp) -> float:
    """Returns the seconds of this process's processor time for reading the same rows and writing them as JSON."""
    taken = []
    with app.platform.database() as connection:
        row = connection.execute("select org_id from app where id = %s", (app.app_id,)).fetchone()
        assert row is not None
        which = {"app": app.app_id, "org": row[0], "newest": COUNT, "limit": COUNT, "offset": 0}
        for _ in range(ROUNDS):
            began = time.process_time()
            cursor = connection.execute(LATEST, which)
            names = [column.name for column in cursor.description or ()]
            json.dumps([dict(zip(names, row, strict=True)) for row in cursor.fetchall()], default=str)
            taken.append(time.process_time() - began)
    return statistics.median(taken)


def _get(app: RunningApp, path: str, limit: int) -> bytes:
    answer = app.client.get(path, params={"limit": limit})
    assert answer.status_code == 200, answer.text
    return answer.content


def _api(platform: Platform) -> int:
    assert platform.process is not None
    for process in descendants([platform.process.pid]):
        if b"easel: api" in Path(f"/proc/{process}/cmdline").read_bytes():
            return process
    raise LookupError("there is no process of the api's")


def _worked(process: int) -> float:
    """Returns the seconds of processor time that the process has used (proc(5), schedstat)."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{process}/task").glob("*/schedstat")) / 1e9


def _resident(process: int, which: str) -> int:
    """Returns the bytes of the process's memory, now (VmRSS) or at its peak (VmHWM)."""
    found = re.search(rf"^{which}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
