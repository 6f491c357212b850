#!/usr/bin/env bash
# Chromium 156 (Debian) with playwright 1.64.1: if the script of a service worker responds with 404, the worker still
# answers every page. The update of the worker fails (`update()` rejects with a TypeError). The registration, the worker
# and its caches stay, at every load. So a host that deletes a site, or gives its address to another user, does not get
# rid of the old site for earlier visitors. Instead, the address of the script must respond with 200 and a worker that
# unregisters itself. The next load then comes from the network.
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

OLD = "self.addEventListener('fetch', e => { if (e.request.mode === 'navigate') e.respondWith(new Response('old')); });"
LEAVING = "self.addEventListener('install', () => self.skipWaiting());" \
          "self.addEventListener('activate', () => self.registration.unregister());"
script: tuple[int, str] = (200, OLD)


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = script if self.path == "/worker.js" else (200, "new")
        kind = "text/javascript" if self.path == "/worker.js" else "text/html"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://localhost:{server.server_port}/"
arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
with sync_playwright() as play:
    page = play.chromium.launch(executable_path=shutil.which("chromium"), args=arguments).new_page()
    page.goto(address)
    page.evaluate("navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready).then(() => 1)")
    update = """navigator.serviceWorker.getRegistration().then(r => r ? r.update().then(() => 'updated', e => e.name) : 'none')"""
    print("with the script:", page.goto(address).text())
    script = (404, "gone")
    print("update at 404:", page.evaluate(update))
    print("after 404:", page.goto(address).text(), page.goto(address).text())
    script = (200, LEAVING)
    print("update to a worker that leaves:", page.evaluate(update))
    page.wait_for_function("navigator.serviceWorker.getRegistration().then(r => !r)")
    print("after that:", page.goto(address).text())
PY
"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
with the script: old
update at 404: TypeError
after 404: old old
update to a worker that leaves: updated
after that: new
SEEN
echo "as described"
