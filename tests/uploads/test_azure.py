"""Azure Blob Storage for users: with the published client and the command line, neither of which knows Azure."""

from __future__ import annotations

import os
import zipfile
from urllib.parse import urlsplit

import httpx

from testbed.running import Platform
from tests.cli.conftest import Person
from tests.cli.conftest import person as person
from tests.conformance.client import mixpeek as mx
from tests.conformance.driving import bundle, connect, create, ship, site

STORES = ("azurite",)


def test_the_published_client_ships_a_site_and_gets_it_back(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    issued = api.get_upload_url_apps_id_deploy(app.app_id, mx.UploadUrlRequest(filename="dist.zip"))
    assert urlsplit(issued.upload_url).port == platform.api_port
    data = bundle(site("from the client"))
    ship(api, app.app_id, data)
    assert "from the client" in platform.visit(app.slug).text
    assert platform.visit(app.slug, "/app.js").status_code == 200
    download = api.download_version_apps(app.app_id, 1).download_url
    assert urlsplit(download).port != platform.api_port
    assert httpx.get(download, trust_env=False, timeout=60).content == data


def test_one_command_deploys_and_another_downloads(person: Person, slug: str, platform: Platform) -> None:
    person.write(index_html="<!doctype html>from the command line")
    # The file is sent in several parts through the api, and in several blocks to the container.
    large = os.urandom(11_000_000)
    (person.folder / "dist" / "large.bin").write_bytes(large)
    person.ok("deploy", "--create", "-m", "First")
    assert "from the command line" in platform.visit(slug).text
    assert platform.visit(slug, "/large.bin").content == large
    (name,) = person.ok("download", "1").stdout.split()
    with zipfile.ZipFile(person.folder / name) as archive:
        assert archive.read("large.bin") == large
