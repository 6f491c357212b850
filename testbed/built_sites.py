"""Sites as their authors built them: the browser files of npm packages, and the files that one page of each loads."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from testbed.large_bundle import fetched, files_of

_REVEAL = b"""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Slides</title>
    <link rel="stylesheet" href="dist/reveal.css">
    <link rel="stylesheet" href="dist/theme/black.css">
  </head>
  <body>
    <div class="reveal"><div class="slides"><section>One</section><section>Two</section></div></div>
    <script src="dist/reveal.js"></script>
    <script src="plugin/highlight/highlight.js"></script>
  </body>
</html>
"""


@dataclass(frozen=True)
class Site:
    """A built site: its files, the files that its entry page loads, and the script in which one line is changed
    later."""

    name: str
    files: dict[str, bytes]
    loads: tuple[str, ...]
    changes: str

    def changed(self) -> dict[str, bytes]:
        """Returns the files of the next build."""
        return {**self.files, self.changes: self.files[self.changes] + b"\nconsole.info('the next build');\n"}


def built_sites(cache_dir: Path) -> list[Site]:
    """Returns the sites. Raises LargeBundleUnavailable when npm cannot fetch them."""
    swagger = ("swagger-ui.css", "index.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js")
    reveal = ("dist/reveal.css", "dist/theme/black.css", "dist/reveal.js", "plugin/highlight/highlight.js")
    return [
        Site("Swagger UI", _files("swagger-ui-dist@5.17.14", cache_dir), swagger, "swagger-ui-standalone-preset.js"),
        Site("reveal.js", {**_files("reveal.js@5.1.0", cache_dir), "index.html": _REVEAL}, reveal, "dist/reveal.js"),
    ]


def _files(package: str, cache_dir: Path) -> dict[str, bytes]:
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir.absolute(), prefix="packages-") as scratch:
        found = files_of(fetched(package, Path(scratch)), "")
        return {path.removeprefix("/"): content for path, content in found if not path.endswith((".map", ".jsonc"))}
