#!/usr/bin/env bash
# superstatic 10.0.0, the server of the Firebase tools for `firebase.json`: if the destination of a redirect has a query
# and the request has no query, the Location ends with an additional `&`. Two Set-Cookie headers of an entry become one.
# A destination with a query is valid in `firebase.json`. A visitor without a query gets `/new?from=old&`.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --omit=optional --ignore-scripts --prefix "$folder" superstatic@10.0.0 >"$folder/log" 2>&1
mkdir "$folder/public"
printf home >"$folder/public/index.html"
cat >"$folder/run.js" <<'JS'
const http = require("http");
const superstatic = require("superstatic").default;
const config = {
  public: "public",
  redirects: [{ source: "/old", destination: "/new?from=old", type: 301 }],
  headers: [{ source: "/index.html", headers: ["a=1", "b=2"].map((value) => ({ key: "Set-Cookie", value })) }],
};
const handle = superstatic({ config, cwd: process.argv[2] });
const server = http.createServer((request, response) => handle(request, response, () => response.end()));
server.listen(0, "127.0.0.1", async () => {
  const at = `http://127.0.0.1:${server.address().port}`;
  const moved = await fetch(`${at}/old`, { redirect: "manual" });
  console.log(moved.status, moved.headers.get("location"));
  console.log((await fetch(`${at}/index.html`)).headers.getSetCookie().join(" | "));
  process.exit(0);
});
JS
node "$folder/run.js" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
301 /new?from=old&
b=2
SEEN
echo "as described"
