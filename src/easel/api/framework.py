"""Imports the web framework without building its models of an OpenAPI document.

The models are built when the document is first requested. Building them at each start would take 30 ms and a mebibyte.
"""

from pydantic import BaseModel

BaseModel.model_config["defer_build"] = True
try:
    import fastapi.openapi.models  # noqa: F401
finally:
    del BaseModel.model_config["defer_build"]
