"""The real front-end builds under `tests/data/sites/`, as the zips that a person would upload."""

from __future__ import annotations

from pathlib import Path

SITES = ["react-v1", "react-v2", "next", "astro", "sveltekit"]
PAGES = ["documents", "angular-worker", "workbox"]
"""Small sites, for tests about pages only."""

_FOLDER = Path(__file__).resolve().parent / "data" / "sites"


def site_zip(name: str) -> Path:
    """Returns the committed zip of one of `SITES` or `PAGES`. `data/sites/README.md` describes its content. Raises
    ValueError for other names."""
    if name not in (*SITES, *PAGES):
        raise ValueError(f"no site {name!r}; there are {', '.join(SITES)}")
    return _FOLDER / f"{name}.zip"
