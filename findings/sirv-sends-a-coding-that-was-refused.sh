#!/usr/bin/env bash
# sirv 3.0.2 searches Accept-Encoding for the names of encodings, and ignores their weights.
# - `br;q=0`, which refuses brotli (RFC 9110, 12.4.2), gets the brotli sibling.
# - `gzip;q=0, identity` gets the gzip sibling.
# - `*`, which accepts every encoding, gets the plain file.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" sirv@3.0.2 >"$folder/log" 2>&1
cat >"$folder/run.mjs" <<'JS'
import { mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import { brotliCompressSync, gzipSync } from "node:zlib";
import sirv from "sirv";
const root = `${process.argv[2]}/public`;
const text = "hello ".repeat(100);
mkdirSync(root);
writeFileSync(`${root}/app.js`, text);
writeFileSync(`${root}/app.js.br`, brotliCompressSync(text));
writeFileSync(`${root}/app.js.gz`, gzipSync(text));
const serve = sirv(root, { brotli: true, gzip: true });
const server = http.createServer((request, response) => serve(request, response));
server.listen(0, "127.0.0.1", async () => {
  for (const wanted of ["br, gzip", "br;q=0", "gzip;q=0, identity", "*"]) {
    const asked = { port: server.address().port, path: "/app.js", headers: { "accept-encoding": wanted } };
    await new Promise((done) => http.get(asked, (answer) => {
      console.log(`${wanted} -> ${answer.headers["content-encoding"]}`);
      answer.resume().on("end", done);
    }));
  }
  process.exit(0);
});
JS
node "$folder/run.mjs" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
br, gzip -> br
br;q=0 -> br
gzip;q=0, identity -> gzip
* -> undefined
SEEN
echo "as described"
