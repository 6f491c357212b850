"""Imports the web framework without building its models of an OpenAPI document.

They are built when the document is first requested. At each start, that would take 30 ms and a mebibyte.
"""

from pydantic import BaseModel

BaseModel.model_config["defer_build"] = True
try:
    import fastapi.openapi.models  # noqa: F401
finally:
    del BaseModel.model_config["defer_build"]
