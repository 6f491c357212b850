#!/usr/bin/env bash
# Caddy 2.6.2 (Debian 12) with `encode`: a HEAD request gets `Content-Encoding: gzip` with the length of an empty gzip stream (20
# bytes; 13 for zstd), and not the length that GET would have, which RFC 9110 (9.3.2) asks for if a length is stated.
# Tools that check a deploy by HEAD, or show a progress bar, see a file of 20 bytes. Without `Accept-Encoding`, the length is right.
# Needs Debian's package `caddy`.
set -euo pipefail
command -v caddy >/dev/null || { echo "install the package caddy first" >&2; exit 1; }
folder="$(mktemp -d)"
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT
mkdir "$folder/public"
python3 -c "print('const a = 1;' * 2000)" >"$folder/public/app.js"
port="$(python3 -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")"
cat >"$folder/Caddyfile" <<CADDY
{
  admin off
  auto_https off
}
http://127.0.0.1:$port {
  root * $folder/public
  encode zstd gzip
  file_server
}
CADDY
HOME="$folder" XDG_DATA_HOME="$folder" XDG_CONFIG_HOME="$folder" caddy run --config "$folder/Caddyfile" 2>"$folder/log" &
server=$!
cat >"$folder/look.py" <<'PY'
import http.client
import sys


def ask(method: str, encoding: str) -> tuple[str | None, str | None, int]:
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    connection.request(method, "/app.js", headers={"Accept-Encoding": encoding})
    answer = connection.getresponse()
    return answer.getheader("Content-Encoding"), answer.getheader("Content-Length"), len(answer.read())


for encoding in ("gzip", "zstd", "identity"):
    for method in ("GET", "HEAD"):
        coding, stated, received = ask(method, encoding)
        right = "the length of GET" if stated in (None, str(ask("GET", encoding)[2])) else f"{stated} bytes"
        print(f"{method} {encoding}: Content-Encoding {coding}, Content-Length: {right}")
PY
until curl --silent --output "$folder/seen" "http://127.0.0.1:$port/app.js"; do kill -0 "$server"; done
python3 "$folder/look.py" "$port" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
GET gzip: Content-Encoding gzip, Content-Length: the length of GET
HEAD gzip: Content-Encoding gzip, Content-Length: 20 bytes
GET zstd: Content-Encoding zstd, Content-Length: the length of GET
HEAD zstd: Content-Encoding zstd, Content-Length: 13 bytes
GET identity: Content-Encoding None, Content-Length: the length of GET
HEAD identity: Content-Encoding None, Content-Length: the length of GET
SEEN
echo "as described"
