"""Pages of Easel's own that visitors can see."""

from __future__ import annotations

HTML = "text/html; charset=utf-8"


def notice(title: str, text: str) -> bytes:
    """Returns an HTML page with a title and one message."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{title}</title><style>'
        "body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:32rem;padding:0 1rem;color:#222}"
        "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}</style></head>"
        f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    ).encode()
