#!/usr/bin/env bash
# @netlify/redirects 4.0.2 (netlify-redirector 0.5.0): in a target, `:id` is also replaced inside `:idx`.
# `/a/:id/:idx /to/:id/:idx` redirects /a/1/2 to /to/1/1x. If the longer name comes first in the source, the same target
# works. A star before an extension, and a placeholder after a letter, are accepted without an error, but match nothing.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" @netlify/redirects@4.0.2 >"$folder/log" 2>&1
mkdir "$folder/public"
printf '%s\n' '/a/:id/:idx /to/:id/:idx' '/b/:idx/:id /to/:id/:idx' '/img/*.png /to/:splat' '/v:number /to/:number' >"$folder/public/_redirects"
cat >"$folder/run.mjs" <<'JS'
import { RedirectsHandler } from "@netlify/redirects";
const projectDir = process.argv[2];
const unused = { configRedirects: [], geoCountry: "de", jwtRoleClaim: "role", jwtSecret: "secret" };
const rules = new RedirectsHandler({ ...unused, projectDir, publicDir: `${projectDir}/public` });
for (const path of ["/a/1/2", "/b/2/1", "/img/x.png", "/v3"]) {
  const match = await rules.match(new Request(`http://site.test${path}`));
  console.log(path, match ? match.target.pathname : "no match");
}
JS
node "$folder/run.mjs" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
/a/1/2 /to/1/1x
/b/2/1 /to/1/2
/img/x.png no match
/v3 no match
SEEN
echo "as described"
