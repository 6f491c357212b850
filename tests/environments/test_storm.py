"""Concurrency: visitors during many restores, and other work on the app."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile

import psycopg

from testbed.running import RunningApp
from tests.environments.test_pointers import page, restore


def test_readers_never_see_a_mixture_or_an_error_during_a_storm_of_restores(app: RunningApp) -> None:
    for number in (1, 2, 3):
        app.deploy(page(number))
    stop = False
    seen: list[tuple[str, str]] = []

    def read() -> None:
        while not stop:
            answer = app.visit()
            assert answer.status_code == 200
            number = answer.headers["x-easel-version"]
            assert f"page {number}<" in answer.text
            asset = app.visit(f"/assets/app-Ab{number}dEf9x.js")
            assert (asset.status_code, asset.text) == (200, f"console.log({number})")
            seen.append((number, asset.headers["x-easel-version"]))

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            # The restores continue until the readers have seen a move, however busy the machine is.
            for number in takewhile(lambda number: number < 30 or len({one for one, _ in seen}) < 2, count()):
                restore(app, 1 + number % 3)
                assert app.visit().headers["x-easel-version"] == str(1 + number % 3)
        finally:
            stop = True
        for reader in readers:
            reader.result()


def test_pointers_do_not_wait_for_what_only_refers_to_the_app(app: RunningApp) -> None:
    """Recording a variant holds a weak lock on the app's row. Waiting for this lock could lead to a deadlock."""
    for number in (1, 2):
        app.deploy(page(number))
    with psycopg.connect(app.platform.database_url) as other:
        other.execute("insert into variants values (%s, 'a manifest', 'an object', now())", (app.app_id,))
        restore(app, 1)
        assert app.client.post(f"{app.path}/publish", json={"message": "m"}).status_code == 200
        assert app.client.patch(app.path, json={"is_active": True}).status_code == 200
        other.rollback()
    assert app.deploy(page(3))["status"] == "complete"
