#!/usr/bin/env bash
# @hono/node-server 2.1.9, serveStatic: the response to a Range header that the server cannot read is 206 with the whole
# file.
# - `bytes=0-3,8-11`, two valid ranges, gets 206 with `Content-Range: bytes 0-35/36`, which is more than was requested.
# - `items=0-3`, a unit that a server must ignore (RFC 9110, 14.2), gets the same response instead of 200.
# A cache or a download tool takes a 206 for a part of the file.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" hono@4.10.4 @hono/node-server@2.1.9 >"$folder/log" 2>&1
cat >"$folder/run.mjs" <<'JS'
import { mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import { getRequestListener } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
process.chdir(process.argv[2]);
mkdirSync("public");
writeFileSync("public/data.txt", "0123456789abcdefghijklmnopqrstuvwxyz");
const app = new Hono().use("*", serveStatic({ root: "./public" }));
const server = http.createServer(getRequestListener(app.fetch));
server.listen(0, "127.0.0.1", async () => {
  for (const range of ["bytes=4-7", "bytes=0-3,8-11", "items=0-3"]) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/data.txt`, { headers: { range } });
    console.log(`${range}: ${answer.status} ${answer.headers.get("content-range")} ${(await answer.text()).length} bytes`);
  }
  process.exit(0);
});
JS
node "$folder/run.mjs" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
bytes=4-7: 206 bytes 4-7/36 4 bytes
bytes=0-3,8-11: 206 bytes 0-35/36 36 bytes
items=0-3: 206 bytes 0-35/36 36 bytes
SEEN
echo "as described"
