#!/usr/bin/env bash
# vite-plugin-pwa 2.0.0 with vite 7.3.8: files in `public/assets/`, whose names have no hash, are listed without a revision in the
# service worker's precache. The plugin takes every file below `assets/` for a hashed one
# (`dontCacheBustURLsMatching: /^assets\//`), but vite copies `public/assets/theme.css` there under its own name.
# So a changed theme.css changes nothing in sw.js: browsers see no update, and visitors who have the worker keep the old file
# for good. The same file in `public/` has a revision, and is updated.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund vite@7.3.8 vite-plugin-pwa@2.0.0 >log 2>&1
mkdir -p public/assets
echo '<!doctype html><link rel="stylesheet" href="/assets/theme.css"><script type="module" src="/main.js"></script>' >index.html
echo 'console.log("hello");' >main.js
cat >vite.config.js <<'JS'
import { VitePWA } from "vite-plugin-pwa";
export default { plugins: [VitePWA()], logLevel: "error" };
JS
for colour in red blue; do
  echo "body { color: $colour }" | tee public/theme.css >public/assets/theme.css
  npx vite build >log 2>&1
  cp dist/sw.js "$colour.js"
done
python3 - <<'PY' | tee seen
import re
from pathlib import Path

entries = [dict(re.findall(r'url:"([^"]+)",revision:("\w+"|null)', Path(f"{colour}.js").read_text())) for colour in ("red", "blue")]
for name in ("theme.css", "assets/theme.css"):
    red, blue = (one[name] for one in entries)
    print(f"{name}: revision {'null' if red == 'null' else 'of its content'}, changed: {red != blue}")
PY
diff seen - <<'SEEN'
theme.css: revision of its content, changed: True
assets/theme.css: revision null, changed: False
SEEN
echo "as described"
