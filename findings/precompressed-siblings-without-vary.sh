#!/usr/bin/env bash
# Three servers choose between a file and its compressed sibling by Accept-Encoding, but do not send Vary (RFC 9110,
# 12.5.5). So a shared cache in front of them may send gzip to a client that cannot read it, or the plain file to all
# clients.
# - http-server 14.1.1 and koa-send 5.0.1 never send Vary.
# - @hono/node-server 2.1.9 sends Vary only with the sibling. If the plain file is cached first, all clients get the
#   plain file.
# sirv 3.0.2 sends Vary with both files, for comparison.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" http-server@14.1.1 koa@3.0.1 koa-send@5.0.1 hono@4.10.4 \
  @hono/node-server@2.1.9 sirv@3.0.2 >"$folder/log" 2>&1
cat >"$folder/run.mjs" <<'JS'
import { mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import { gzipSync } from "node:zlib";
import { getRequestListener } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import httpServer from "http-server";
import Koa from "koa";
import send from "koa-send";
import sirv from "sirv";
process.chdir(process.argv[2]);
mkdirSync("public");
writeFileSync("public/app.js", "hello ".repeat(100));
writeFileSync("public/app.js.gz", gzipSync("hello ".repeat(100)));
const koa = new Koa().use((context) => send(context, context.path, { root: "public", gzip: true }));
const hono = new Hono().use("*", serveStatic({ root: "./public", precompressed: true }));
const servers = {
  "http-server": httpServer.createServer({ root: "public", gzip: true }).server,
  "koa-send": http.createServer(koa.callback()),
  "@hono/node-server": http.createServer(getRequestListener(hono.fetch)),
  sirv: http.createServer(sirv("public", { gzip: true })),
};
for (const [name, server] of Object.entries(servers)) {
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  for (const wanted of ["gzip", "identity"]) {
    const asked = { port: server.address().port, path: "/app.js", headers: { "accept-encoding": wanted } };
    await new Promise((done) => http.get(asked, (answer) => {
      console.log(`${name} ${wanted}: ${answer.headers["content-encoding"] ?? "plain"}, vary ${answer.headers.vary ?? "-"}`);
      answer.resume().on("end", done);
    }));
  }
}
process.exit(0);
JS
node --no-deprecation "$folder/run.mjs" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
http-server gzip: gzip, vary -
http-server identity: plain, vary -
koa-send gzip: gzip, vary -
koa-send identity: plain, vary -
@hono/node-server gzip: gzip, vary Accept-Encoding
@hono/node-server identity: plain, vary -
sirv gzip: gzip, vary Accept-Encoding
sirv identity: plain, vary Accept-Encoding
SEEN
echo "as described"
