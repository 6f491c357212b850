#!/usr/bin/env bash
# superstatic 11.0.0, the server of the Firebase tools for `firebase.json`: a redirect from `/item/:id` applies only if its destination has
# a placeholder directly behind a slash. With `/list?id=:id`, `/item-:id` or a fixed page, it never applies, and no message says so.
# Without such a placeholder, the source is read as a glob, in which `:id` is a literal text.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --omit=optional --ignore-scripts --prefix "$folder" superstatic@11.0.0 >"$folder/log" 2>&1
mkdir "$folder/public"
cat >"$folder/run.js" <<'JS'
const http = require("http");
const imported = require("superstatic");
const superstatic = imported.superstatic ?? imported.default ?? imported;
const redirects = [
  { source: "/a/:id", destination: "/item/:id" },
  { source: "/b/:id", destination: "/list?id=:id" },
  { source: "/c/:id", destination: "/item-:id" },
  { source: "/d/:id", destination: "/gone" },
];
const handle = superstatic({ config: { public: "public", redirects }, cwd: process.argv[2] });
const server = http.createServer((request, response) => handle(request, response, () => response.writeHead(404).end()));
server.listen(0, "127.0.0.1", async () => {
  for (const path of ["/a/7", "/b/7", "/c/7", "/d/7"]) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { redirect: "manual" });
    console.log(path, answer.status, answer.headers.get("location"));
  }
  process.exit(0);
});
JS
node "$folder/run.js" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
/a/7 301 /item/7
/b/7 404 null
/c/7 404 null
/d/7 404 null
SEEN
echo "as described"
