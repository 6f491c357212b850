#!/usr/bin/env bash
# @sveltejs/kit 2.70.4 with vite 8.4.0: two builds of the same source give hashed files with other names: the two entries, the
# chunk of the runtime and the error page, 4 of the 11 of a small site. `kit.version.name` is the time of the build unless it
# is set, and it is compiled into the runtime, whose hash the others contain. So each deploy of the same commit, or of a
# changed word elsewhere, sends these "immutable" files to every visitor again. With a fixed name (a commit, say), all names stay.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts @sveltejs/kit@2.70.4 @sveltejs/adapter-static@3.0.11 \
  @sveltejs/vite-plugin-svelte@7.3.1 svelte@5.57.3 vite@8.4.0 >log 2>&1
mkdir -p src/routes/about
echo '<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>' >src/app.html
echo '<a href="/about">about</a>' >src/routes/+page.svelte
echo '<h1>about</h1>' >src/routes/about/+page.svelte
echo 'export const prerender = true;' >src/routes/+layout.js
echo 'import { sveltekit } from "@sveltejs/kit/vite"; export default { plugins: [sveltekit()] };' >vite.config.js
for version in '' 'version: { name: "1" },'; do
  echo "import adapter from '@sveltejs/adapter-static'; export default { kit: { $version adapter: adapter() } };" \
    >svelte.config.js
  for number in 1 2; do
    npx vite build >log 2>&1
    (cd build/_app/immutable && find . -type f | sort) >"names-$number"
  done
  renamed="$(comm -23 names-1 names-2 | wc -l)"
  echo "${version:-no version name}: $renamed of $(wc -l <names-1) hashed files have another name in the second build"
done | tee seen
diff seen - <<'SEEN'
no version name: 4 of 11 hashed files have another name in the second build
version: { name: "1" },: 0 of 11 hashed files have another name in the second build
SEEN
echo "as described"
