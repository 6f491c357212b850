#!/usr/bin/env bash
# @netlify/headers-parser 9.0.3, which reads `_headers` and `netlify.toml`: a blank is inserted after every comma in a
# header's value, even in an address and in quotes. A list of cookies becomes one line.
# - `Link: </a,b.css>; rel=preload` then refers to another file (a comma is a character of paths, RFC 3986 §3.3).
# - `X-Name: "a,b"` then has another text in its quotes (RFC 9110 §5.6.4).
# - `Set-Cookie = ["a=1", "b=2"]` is sent as `a=1, b=2`, which browsers read as one cookie (RFC 9110 §5.3 excludes
#   Set-Cookie).
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" @netlify/headers-parser@9.0.3 >"$folder/log" 2>&1
printf '/x\n  Link: </a,b.css>; rel=preload\n  X-Name: "a,b"\n' >"$folder/_headers"
printf '[[headers]]\nfor = "/y"\n[headers.values]\nSet-Cookie = ["a=1", "b=2"]\n' >"$folder/netlify.toml"
cat >"$folder/run.mjs" <<'JS'
import { parseAllHeaders } from "@netlify/headers-parser";
const [, , lines, toml] = process.argv;
const read = await parseAllHeaders({ headersFiles: [lines], netlifyConfigPath: toml, configHeaders: [], minimal: true });
console.log("errors:", read.errors.length);
for (const { values } of read.headers) for (const [name, value] of Object.entries(values)) console.log(`${name}: ${value}`);
JS
node "$folder/run.mjs" "$folder/_headers" "$folder/netlify.toml" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
errors: 0
Link: </a, b.css>; rel=preload
X-Name: "a, b"
Set-Cookie: a=1, b=2
SEEN
echo "as described"
