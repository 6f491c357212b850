#!/usr/bin/env bash
# @netlify/redirects 4.0.2 (netlify-redirector 0.5.0): `/* /en 302!` does not redirect `/english` or `/enough/page`, because a line with a
# star is skipped for every path that begins with the text of its target. The check ends a loop at `/en`; it does not compare segments.
# With the target `/fr`, the same requests are redirected.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" @netlify/redirects@4.0.2 >"$folder/log" 2>&1
cat >"$folder/run.mjs" <<'JS'
import { mkdirSync, writeFileSync } from "node:fs";
import { RedirectsHandler } from "@netlify/redirects";
const unused = { configRedirects: [], geoCountry: "de", jwtRoleClaim: "role", jwtSecret: "secret" };
for (const target of ["/en", "/fr"]) {
  const projectDir = `${process.argv[2]}${target}`;
  mkdirSync(`${projectDir}/public`, { recursive: true });
  writeFileSync(`${projectDir}/public/_redirects`, `/* ${target} 302!\n`);
  const rules = new RedirectsHandler({ ...unused, projectDir, publicDir: `${projectDir}/public` });
  for (const path of ["/en", "/english", "/enough/page", "/other"]) {
    const match = await rules.match(new Request(`http://site.test${path}`));
    console.log(target, path, match ? match.target.pathname : "no match");
  }
}
JS
node "$folder/run.mjs" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
/en /en no match
/en /english no match
/en /enough/page no match
/en /other /en
/fr /en /fr
/fr /english /fr
/fr /enough/page /fr
/fr /other /fr
SEEN
echo "as described"
