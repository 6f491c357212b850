"""Fixtures of the lane `make test-builds`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from easel.errors import EaselError
from easel.settings import Settings
from testbed.registry import RegistryMissingError, networks_of_the_registry
from tests.builds.real.building import Builder


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """Yields a builder of this machine. All tests share its tools and caches."""
    folder = tmp_path_factory.mktemp("builder")
    try:
        settings = Settings(data_dir=folder / "data", private_networks=networks_of_the_registry())
        found = Builder(folder, settings)
    except RegistryMissingError as error:
        pytest.skip(str(error))
    except EaselError as error:
        pytest.skip(error.message)
    yield found
    found.sandbox.close()
