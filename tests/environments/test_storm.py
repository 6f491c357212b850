"""Visitors, and those who work, in a storm of restores, promotes and publishes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from bench.running import Platform, RunningApp
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
            for number in range(60):
                restore(app, 1 + number % 3)
                assert app.visit().headers["x-easel-version"] == str(1 + number % 3)
        finally:
            stop = True
        for reader in readers:
            reader.result()
    assert len({number for number, _ in seen}) > 1


def test_whoever_works_at_once_never_waits_for_each_other_in_a_circle(platform: Platform) -> None:
    """What a deploy leaves to the background is recorded while pointers move and configurations are published."""
    text = "".join(f"export const v{n} = {n};\n" for n in range(400))

    def work(_: int) -> None:
        app = RunningApp.create(platform)
        app.deploy(page(1))
        for number in range(8):
            files = {**page(2), "extra.js": f"// {number}\n{text}"}
            assert app.deploy(files, environment=("staging", "production")[number % 2])["status"] == "complete"
            for path, body in (("/versions/1/restore", {}), ("/promote", None), ("/publish", {"message": "m"})):
                answer = app.client.post(app.path + path, json=body)
                assert answer.status_code in (200, 400), answer.text

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert "deadlock detected" not in (platform.data_dir / "postgres" / "log").read_text()
