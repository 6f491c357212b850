#!/usr/bin/env bash
# @vercel/routing-utils 6.6.0, which turns `vercel.json` into routes: if an entry has two headers with the same name,
# the first header is lost.
# `headers` is a list of pairs in the file, and the schema accepts a name twice, as Set-Cookie, Link and Vary require
# (RFC 9110 §5.3, RFC 6265 §3). The list becomes an object by name, without a warning, so visitors get only one of two
# cookies.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" @vercel/routing-utils@6.6.0 >"$folder/log" 2>&1
cat >"$folder/run.js" <<'JS'
const { getTransformedRoutes } = require("@vercel/routing-utils");
const pairs = [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]];
const headers = [{ source: "/x", headers: pairs.map(([key, value]) => ({ key, value })) }];
const { routes, error } = getTransformedRoutes({ headers });
console.log("error:", error);
console.log(JSON.stringify(routes.find((route) => route.src).headers));
JS
node "$folder/run.js" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
error: null
{"Set-Cookie":"b=2"}
SEEN
echo "as described"
