"""A zip with Zstandard members is served like any other zip. The members stay unchanged, and visitors need not support
Zstandard."""

from __future__ import annotations

import httpx

from testbed.running import RunningApp
from tests.bundles.crafted import PAGE, craft
from tests.bundles.test_zstandard import NOISE, TEXT, member


def test_zstandard_members_are_served_to_all_clients(app: RunningApp) -> None:
    data = craft(
        member(b"index.html", PAGE),
        member(b"big.bin", NOISE),
        member(b"small.js", TEXT[:9000]),
        member(b"big.js", TEXT),
    )
    assert app.deploy(data)["status"] == "complete"
    assert "window.__EASEL__" in app.visit(Accept="text/html").text
    for path, content in (("big.bin", NOISE), ("small.js", TEXT[:9000]), ("big.js", TEXT)):
        for accepted in ("identity", "gzip", "gzip, br"):
            assert app.visit(f"/{path}", **{"Accept-Encoding": accepted}).content == content
    small = app.visit("/small.js", **{"Accept-Encoding": "gzip"})
    assert small.headers["content-encoding"] in ("gzip", "br")
    assert app.visit("/big.bin", Range="bytes=2000000-2000099").content == NOISE[2000000:2000100]
    address = app.client.get(f"{app.path}/versions/1/download").json()["download_url"]
    assert httpx.get(address, trust_env=False, timeout=60).content == data
