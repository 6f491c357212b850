"""The envelope of errors, as the API's OpenAPI document describes it. `easel.envelope` builds the envelopes
themselves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


# The titles and descriptions of these two models are the texts of the contract's document.
class ErrorDetail(BaseModel):
    """Error detail model."""

    message: str = Field(title="Message", description="Human-readable error message")
    type: str = Field(title="Type", description="Stable error type identifier (machine-readable)")
    code: str | None = Field(
        default=None,
        title="Code",
        description=(
            "Fine-grained error code for programmatic handling (e.g., namespace_name_taken, "
            "feature_extractor_not_found). Present only when consumers may need to branch on a specific error "
            "condition."
        ),
    )
    details: dict[str, Any] | None = Field(
        default=None,
        title="Details",
        description="Optional structured details to help debugging (validation errors, IDs, etc.)",
    )


class ErrorResponse(BaseModel):
    """Error response model."""

    success: bool = Field(default=False, title="Success", description="Always false for error responses")
    status: int = Field(title="Status", description="HTTP status code for this error")
    error: ErrorDetail = Field(description="Error details payload")
