#!/usr/bin/env bash
# serve-handler 6.1.8, the server inside `npx serve`: a download that is resumed after a deploy consists of parts of two
# files.
# - It sends strong ETags (with `etag: true`), but ignores If-Range (RFC 9110, 13.1.5). A client that has the first
#   bytes of the old file, and sends the ETag of the old file, gets 206 with later bytes of the new file.
# - The response to a range after the end is 416, with the whole file as its body.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" serve-handler@6.1.8 >"$folder/log" 2>&1
cat >"$folder/run.mjs" <<'JS'
import { mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import serve from "serve-handler";
const root = `${process.argv[2]}/public`;
mkdirSync(root);
writeFileSync(`${root}/old.txt`, "aaaaaaaaaaaa");
writeFileSync(`${root}/new.txt`, "bbbbbbbbbbbb");
let live = "/old.txt";
const rewrites = () => [{ source: "/app.txt", destination: live }];
const server = http.createServer((q, r) => serve(q, r, { public: root, etag: true, cleanUrls: false, rewrites: rewrites() }));
server.listen(0, "127.0.0.1", async () => {
  const get = (headers) => fetch(`http://127.0.0.1:${server.address().port}/app.txt`, { headers });
  const first = await get({ range: "bytes=0-5" });
  const etag = first.headers.get("etag");
  let text = await first.text();
  live = "/new.txt";
  const second = await get({ range: "bytes=6-", "if-range": etag });
  console.log(`the ETag is strong: ${etag.startsWith('"')}, and has changed: ${second.headers.get("etag") !== etag}`);
  text += await second.text();
  console.log(`the rest: ${second.status}, the whole: ${text}`);
  const behind = await get({ range: "bytes=100-" });
  console.log(`behind the end: ${behind.status} ${behind.headers.get("content-range")} ${await behind.text()}`);
  process.exit(0);
});
JS
node "$folder/run.mjs" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
the ETag is strong: true, and has changed: true
the rest: 206, the whole: aaaaaabbbbbb
behind the end: 416 bytes */12 bbbbbbbbbbbb
SEEN
echo "as described"
