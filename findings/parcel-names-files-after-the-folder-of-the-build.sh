#!/usr/bin/env bash
# parcel 2.16.4: the files of the entry `index.html` are named after the folder in which the build runs:
# `first.7f90cb7d.js` in `first/`, `second.7f90cb7d.js` in `second/`, with the same hash and the same bytes. So a server that
# builds each commit in a new temporary folder gives unchanged files a new name at every deploy, and browsers load them
# again. Chunks and assets keep their own names, and so do all files of vite, esbuild and webpack. Build in a folder whose name stays.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/first/src"
cd "$folder/first"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts parcel@2.16.4 >../log 2>&1
echo '<!doctype html><script type="module" src="./src/main.js"></script>' >index.html
echo 'import("./lazy.js").then((m) => m.go());' >src/main.js
echo 'export const go = () => { document.title = "hello"; };' >src/lazy.js
cp -r "$folder/first" "$folder/second"
for name in first second; do
  cd "$folder/$name"
  npx parcel build index.html --dist-dir out --no-cache --no-source-maps --log-level error
  cat out/"$name".*.js | sha256sum >"../$name.sum"
  ls out | sed "s/^/$name: /"
done | tee "$folder/seen"
cmp "$folder/first.sum" "$folder/second.sum" && echo "the entry's bytes are the same" | tee -a "$folder/seen"
diff <(sed -E 's/\.[0-9a-f]{8}\./.HASH./' "$folder/seen") - <<'SEEN'
first: first.HASH.js
first: index.html
first: lazy.HASH.js
second: index.html
second: lazy.HASH.js
second: second.HASH.js
the entry's bytes are the same
SEEN
echo "as described"
