"""The few pages of the edge's own. None names a tenant."""

from __future__ import annotations

from easel.serving.models import Fixed

_HTML = "text/html; charset=utf-8"


def _page(title: str, text: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{title}</title><style>'
        "body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:32rem;padding:0 1rem;color:#222}"
        "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}</style></head>"
        f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    ).encode()


BAD_HOST = Fixed(400, _page("Bad request", "The request does not name exactly one host."), _HTML, "no-store")
UNKNOWN_HOST = Fixed(404, _page("Nothing here", "There is no app at this address."), _HTML, "no-store")
NO_VERSION = Fixed(
    404, _page("Nothing deployed yet", "This app has no version in this environment yet."), _HTML, "no-store"
)
UNREADABLE = Fixed(
    503,
    _page("Not available right now", "The files of this app cannot be read right now. Please try again in a moment."),
    _HTML,
    "no-store",
)
WELCOME = Fixed(404, _page("Easel", "Apps are served at their own addresses under this name."), _HTML, "no-store")
