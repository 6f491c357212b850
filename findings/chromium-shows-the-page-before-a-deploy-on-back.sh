#!/usr/bin/env bash
# Chromium 156 (Debian) with playwright 1.64.1: on Back, a page with `max-age=0, must-revalidate` or `no-cache` comes from
# the cache on disk without a request, and so does its script. The server is asked only with `no-store`. RFC 9111
# (section 6) allows that for lists of visited pages, although `must-revalidate` sounds otherwise.
# So a visitor who returns after a deploy runs the version before it. Each chunk that this page has not loaded yet is
# requested under its old name, which the host must still have.
# Needs Debian's package `chromium`.
set -euo pipefail
command -v chromium >/dev/null || { echo "install the package chromium first" >&2; exit 1; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check playwright==1.64.1
cat >"$folder/look.py" <<'PY'
import http.server
import shutil
import threading

from playwright.sync_api import sync_playwright

version = 1
freshness = ""
requests: list[str] = []


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = f"<link rel=icon href=data:,><p>version {version}</p><script src=/app-{version}.js></script>"
        status, kind, body = 200, "text/html", page
        if self.path.endswith(".js"):
            current = self.path == f"/app-{version}.js"
            status, kind, body = (200, "text/javascript", "loaded = 1") if current else (404, "text/plain", "")
        requests.append(f"{self.path} {status}")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=0, must-revalidate" if self.path.endswith(".js") else freshness)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://localhost:{server.server_port}"
arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
with sync_playwright() as play:
    browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
    for number, freshness in enumerate(("max-age=0, must-revalidate", "no-cache", "no-store")):
        page = browser.new_page()
        version = 1
        page.goto(f"{address}/page-{number}")
        page.goto(f"{address}/other")
        version = 2
        requests.clear()
        page.go_back(wait_until="load")
        print(f"{freshness}: {page.text_content('p')}; requests on Back: {', '.join(requests) or 'none'}")
PY
"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
max-age=0, must-revalidate: version 1; requests on Back: none
no-cache: version 1; requests on Back: none
no-store: version 2; requests on Back: /page-2 200, /app-2.js 200
SEEN
echo "as described"
