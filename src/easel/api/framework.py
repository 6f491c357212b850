"""Imports the web framework without its parts that no start needs.

The models of an OpenAPI document are built when the document is first requested. Building them at each start would take
time and memory. The models of pydantic's first major version are never used. FastAPI would import them to refuse them.
"""

import sys
from typing import Any, cast

from pydantic import BaseModel

# An import of a module that is None raises ModuleNotFoundError, and FastAPI then skips the check.
cast("dict[str, Any]", sys.modules).setdefault("pydantic.v1", None)
BaseModel.model_config["defer_build"] = True
try:
    import fastapi.openapi.models  # noqa: F401
finally:
    del BaseModel.model_config["defer_build"]
