#!/usr/bin/env bash
# lighttpd 1.4.69 (Debian 12): a request for `/about.html/team/anything` gets the file `about.html` with 200, and `/app.js/x` gets
# the script, because the rest of the path counts as CGI's PATH_INFO for static files too. A link with a wrong relative
# address therefore never fails: `about.html/` loads `about.html/app.css`, which is `about.html` again, and a crawler finds
# endless pages. nginx and Caddy respond with 404. `static-file.disable-pathinfo` turns it off.
# Needs Debian's package `lighttpd`.
set -euo pipefail
command -v lighttpd >/dev/null || { echo "install the package lighttpd first" >&2; exit 1; }
folder="$(mktemp -d)"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT
mkdir "$folder/public"
echo '<p>about</p>' >"$folder/public/about.html"
port="$(python3 -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")"
for setting in '' 'static-file.disable-pathinfo = "enable"'; do
  cat >"$folder/lighttpd.conf" <<CONF
server.document-root = "$folder/public"
server.port = $port
server.bind = "127.0.0.1"
mimetype.assign = (".html" => "text/html")
$setting
CONF
  lighttpd -D -f "$folder/lighttpd.conf" 2>"$folder/log" &
  server=$!
  until curl --silent --output "$folder/body" "http://127.0.0.1:$port/about.html"; do kill -0 "$server"; done
  for path in /about.html/team/anything /about.html/ /team/about.html; do
    status="$(curl --silent --output "$folder/body" --write-out '%{http_code} %{content_type}' "http://127.0.0.1:$port$path")"
    echo "${setting:-no setting}: $path -> $status"
  done
  kill "$server"
  wait "$server" || true
  server=
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
no setting: /about.html/team/anything -> 200 text/html
no setting: /about.html/ -> 200 text/html
no setting: /team/about.html -> 404 text/html
static-file.disable-pathinfo = "enable": /about.html/team/anything -> 403 text/html
static-file.disable-pathinfo = "enable": /about.html/ -> 403 text/html
static-file.disable-pathinfo = "enable": /team/about.html -> 404 text/html
SEEN
echo "as described"
