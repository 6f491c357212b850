"""The edge's own pages. None names a tenant."""

from __future__ import annotations

from easel.serving.models import Fixed
from easel.serving.notices import HTML, notice
from easel.serving.plain import NO_STORE

BAD_HOST = Fixed(400, notice("Bad request", "The request does not name exactly one host."), HTML, NO_STORE)
UNKNOWN_HOST = Fixed(404, notice("Nothing here", "There is no app at this address."), HTML, NO_STORE)
NO_VERSION = Fixed(
    404, notice("Nothing deployed yet", "This app has no version in this environment yet."), HTML, NO_STORE
)
UNREADABLE = Fixed(
    503,
    notice("Not available right now", "The files of this app cannot be read right now. Please try again in a moment."),
    HTML,
    NO_STORE,
)
WELCOME = Fixed(404, notice("Easel", "Apps are served at their own addresses under this name."), HTML, NO_STORE)
