#!/usr/bin/env bash
# sirv 3.0.2, the file server of `vite preview` and of SvelteKit's Node adapter: a request for the last bytes gets the
# first bytes.
# - `Range: bytes=-8` requests the last 8 bytes (RFC 9110, 14.1.2). The response is 206 with bytes 0 to 8, which are
#   nine bytes.
# - `Range: items=0-3`, a unit that the server does not know and must ignore, is read as bytes.
# A client that looks for an index at the end of a file (of a zip, an MP4 or a Parquet file) gets the file's beginning,
# with a matching Content-Range.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" sirv@3.0.2 >"$folder/log" 2>&1
mkdir "$folder/public"
printf '0123456789abcdefghijklmnopqrstuvwxyz' >"$folder/public/data.bin"
cat >"$folder/run.mjs" <<'JS'
import http from "node:http";
import sirv from "sirv";
const serve = sirv(process.argv[2]);
const server = http.createServer((request, response) => serve(request, response));
server.listen(0, "127.0.0.1", async () => {
  for (const range of ["bytes=4-7", "bytes=-8", "items=0-3"]) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/data.bin`, { headers: { range } });
    console.log(`${range}: ${answer.status} ${answer.headers.get("content-range")} ${await answer.text()}`);
  }
  process.exit(0);
});
JS
node "$folder/run.mjs" "$folder/public" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
bytes=4-7: 206 bytes 4-7/36 4567
bytes=-8: 206 bytes 0-8/36 012345678
items=0-3: 206 bytes 0-3/36 0123
SEEN
echo "as described"
