#!/usr/bin/env bash
# @netlify/redirect-parser 16.1.1, which reads `_redirects` for Netlify's command line and build: of two equal lines, the first is removed
# and the second stays where it is, although the first matching line applies.
# A repeated line, harmless in every other order of rules, thus moves behind the lines between: `/old` leads to `/soon`, not to `/new`.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" @netlify/redirect-parser@16.1.1 >"$folder/log" 2>&1
printf '/old /new 301\n/* /soon 302\n/old /new 301\n' >"$folder/_redirects"
cat >"$folder/run.mjs" <<'JS'
import { parseAllRedirects } from "@netlify/redirect-parser";
const { redirects, errors } = await parseAllRedirects({ redirectsFiles: ["_redirects"], configRedirects: [], minimal: true });
console.log("errors:", errors.length);
for (const { from, to, status } of redirects) console.log(from, to, status);
JS
cd "$folder"
node run.mjs | tee seen
diff seen - <<'SEEN'
errors: 0
/* /soon 302
/old /new 301
SEEN
echo "as described"
