"""The edge's own pages. They contain no tenant's name."""

from __future__ import annotations

from easel.serving.models import FixedAnswer
from easel.serving.notices import HTML, notice
from easel.serving.plain_answers import NO_STORE

BAD_HOST = FixedAnswer(400, notice("Bad request", "The request must have exactly one Host header."), HTML, NO_STORE)
UNKNOWN_HOST = FixedAnswer(404, notice("Nothing here", "There is no app at this address."), HTML, NO_STORE)
NO_VERSION = FixedAnswer(
    404, notice("Nothing deployed yet", "This app has no version in this environment yet."), HTML, NO_STORE
)
UNREADABLE = FixedAnswer(
    503,
    notice("Temporarily unavailable", "The files of this app cannot be read right now. Please try again in a moment."),
    HTML,
    NO_STORE,
)
WELCOME = FixedAnswer(404, notice("Easel", "Apps are served at their own addresses under this name."), HTML, NO_STORE)
