"""The steps of a deploy, in their order.

A new step needs a module in this package, an entry in the list, and its name in `deploys.states`. The command line
sorts steps in the order of these names.
"""

from __future__ import annotations

from typing import Final

from easel.deploys.steps.activate import Activate
from easel.deploys.steps.ingest import Ingest
from easel.deploys.steps.inspect import Inspect
from easel.deploys.steps.pin import Pin
from easel.deploys.steps.record import Record
from easel.deploys.steps.smoke_test import SmokeTest
from easel.deploys.steps.step import Step

STEPS: Final[tuple[Step, ...]] = (Pin(), Inspect(), Ingest(), Record(), SmokeTest(), Activate())
