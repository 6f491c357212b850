#!/usr/bin/env bash
# serve-handler 6.1.7, which `serve` and other preview servers use: its redirects to an address without `.html` and to an
# address with or without a slash at its end drop the query. `/search.html?q=shoes` leads to `/search`. The redirects are 301,
# so browsers keep them, and a page that reads its query never gets it again under the old address.
# express (`send`), http-server, and the hosts whose clean addresses it imitates keep the query.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" serve-handler@6.1.7 express@5.3.0 \
  >"$folder/log" 2>&1
mkdir -p "$folder/public/docs"
echo '<p>search</p>' >"$folder/public/search.html"
echo '<p>docs</p>' >"$folder/public/docs/index.html"
cat >"$folder/run.mjs" <<'JS'
import http from "node:http";
import express from "express";
import handler from "serve-handler";

const root = `${process.argv[2]}/public`;
const servers = {
  "serve-handler": (request, response) => handler(request, response, { public: root }),
  "serve-handler, trailingSlash": (request, response) => handler(request, response, { public: root, trailingSlash: true }),
  express: express().use(express.static(root)),
};
for (const [name, serve] of Object.entries(servers)) {
  const server = http.createServer(serve);
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  for (const path of ["/search.html?q=shoes", "/docs?page=2"]) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { redirect: "manual" });
    console.log(`${name}: ${path} -> ${answer.status} ${answer.headers.get("location") ?? ""}`.trim());
  }
  server.close();
}
process.exit(0);
JS
node "$folder/run.mjs" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
serve-handler: /search.html?q=shoes -> 301 /search
serve-handler: /docs?page=2 -> 200
serve-handler, trailingSlash: /search.html?q=shoes -> 301 /search
serve-handler, trailingSlash: /docs?page=2 -> 301 /docs/
express: /search.html?q=shoes -> 200
express: /docs?page=2 -> 301 /docs/?page=2
SEEN
echo "as described"
