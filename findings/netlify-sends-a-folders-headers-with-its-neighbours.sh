#!/usr/bin/env bash
# @netlify/headers-parser 10.1.1, which reads `_headers` for Netlify's command line and build: headers for `/docs/*` are also sent with
# `/docsearch.js` and `/docs.html`, and those for `/app/*` with `/apple`.
# The slash before the star is optional in the regular expression, and nothing separates the folder's name from the star. A redirect
# line for `/docs/*` does not match these paths. A long Cache-Control for a folder thus reaches pages beside it.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" @netlify/headers-parser@10.1.1 >"$folder/log" 2>&1
printf '/docs/*\n  Cache-Control: max-age=31536000\n' >"$folder/_headers"
cat >"$folder/run.mjs" <<'JS'
import { parseAllHeaders } from "@netlify/headers-parser";
const { headers, errors } = await parseAllHeaders({ headersFiles: ["_headers"], configHeaders: [], minimal: false });
console.log("errors:", errors.length, "expression:", headers[0].forRegExp.source);
for (const path of ["/docs/a", "/docs", "/docsearch.js", "/docs.html", "/other"]) console.log(path, headers[0].forRegExp.test(path));
JS
cd "$folder"
node run.mjs | tee seen
diff seen - <<'SEEN'
errors: 0 expression: ^\/docs\/?(.*)\/?$
/docs/a true
/docs true
/docsearch.js true
/docs.html true
/other false
SEEN
echo "as described"
