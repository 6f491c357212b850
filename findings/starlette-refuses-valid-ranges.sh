#!/usr/bin/env bash
# starlette 1.10.0, FileResponse: two valid Range headers are refused.
# - `items=0-3` has a unit that the server does not know. RFC 9110 §14.2: "an origin server MUST ignore a Range header
#   field that contains a range unit it does not understand". The response is 400.
# - `bytes=0-3,20-30` on ten bytes: one of the two ranges can be satisfied. RFC 9110 §15.5.17: 416 is for requests in
#   which no range can be satisfied. The response is 416.
# So a client that resumes a download gets an error instead of the file, or of the existing part.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check starlette==1.10.0 httpx==0.28.1
printf 0123456789 >"$folder/ten"
"$folder/venv/bin/python" -W ignore - "$folder/ten" <<'PY' | tee "$folder/seen"
import sys

from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.testclient import TestClient

client = TestClient(Starlette(routes=[Route("/", lambda request: FileResponse(sys.argv[1]))]))
for ranges in ("bytes=0-3", "items=0-3", "bytes=0-3,20-30"):
    print(ranges, client.get("/", headers={"Range": ranges}).status_code)
PY
diff "$folder/seen" - <<'SEEN'
bytes=0-3 206
items=0-3 400
bytes=0-3,20-30 416
SEEN
echo "as described"
