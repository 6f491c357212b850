#!/usr/bin/env bash
# Chromium 156 (Debian) with playwright 1.64.1: a response with `Content-Encoding: zstd` fails if its frame needs a window of more
# than 8 MiB (RFC 9659). zstandard 0.25.0 chooses such windows from level 20 on if the content is larger than 8 MiB. Programs on
# the command line decode the same bytes, so a host that compresses its large files once with level 22 sees no
# fault until a browser loads them. Up to level 19 all works, and so does level 22 with a small file.
# Needs Debian's package `chromium`.
set -euo pipefail
command -v chromium >/dev/null || { echo "install the package chromium first" >&2; exit 1; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check playwright==1.64.1 zstandard==0.25.0
cat >"$folder/look.py" <<'PY'
import http.server
import random
import shutil
import threading

import zstandard
from playwright.sync_api import sync_playwright

large = random.Random(1).randbytes(1 << 20) * 12
bodies = {
    f"/level-{level}-{name}": (zstandard.ZstdCompressor(level=level).compress(data), len(data))
    for level, name, data in ((19, "large", large), (20, "large", large), (22, "large", large), (22, "small", large[: 1 << 20]))
}


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = bodies[self.path][0] if self.path in bodies else b"<link rel=icon href=data:,>"
        self.send_response(200)
        if self.path in bodies:
            self.send_header("Content-Encoding", "zstd")
        self.send_header("Content-Type", "application/octet-stream" if self.path in bodies else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=server.serve_forever, daemon=True).start()
arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
with sync_playwright() as play:
    page = play.chromium.launch(executable_path=shutil.which("chromium"), args=arguments).new_page()
    page.goto(f"http://localhost:{server.server_port}/")
    for path, (body, size) in bodies.items():
        window = zstandard.get_frame_parameters(body).window_size >> 20
        decoded = len(zstandard.ZstdDecompressor().decompress(body)) == size
        load = "path => fetch(path).then(r => r.arrayBuffer()).then(b => 'loads ' + (b.byteLength >> 20) + ' MiB', e => e.message)"
        print(f"{path[1:]}: window {window} MiB, zstandard decodes: {decoded}, Chromium: {page.evaluate(load, path)}")
PY
"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
level-19-large: window 8 MiB, zstandard decodes: True, Chromium: loads 12 MiB
level-20-large: window 12 MiB, zstandard decodes: True, Chromium: Failed to fetch
level-22-large: window 12 MiB, zstandard decodes: True, Chromium: Failed to fetch
level-22-small: window 1 MiB, zstandard decodes: True, Chromium: loads 1 MiB
SEEN
echo "as described"
