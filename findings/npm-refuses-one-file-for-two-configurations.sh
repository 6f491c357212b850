#!/usr/bin/env bash
# npm 11.19.1 (also 10.9.9): with `--userconfig=/dev/null --globalconfig=/dev/null`, which turns off all configuration,
# every command ends with exit code 1 and `double-loading config "/dev/null" as "global", previously loaded as "user"`.
# - The same happens with any single path that does not exist, and with the variables `npm_config_userconfig` and
#   `npm_config_globalconfig`.
# - Two different paths work: `--userconfig=/dev/null --globalconfig=/nonexistent`.
# - stdout stays empty. A caller that reads `npm config get registry` without checking the exit code gets an empty
#   address.
# So a tool that asks npm for its defaults must set two different files.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 10.9.9 11.19.1; do
  npm install --silent --no-audit --no-fund --prefix "$folder/$version" "npm@$version" >"$folder/log" 2>&1
done
ask() {
  local version="$1"
  shift
  local code=0 address
  address="$(env -u npm_config_registry node "$folder/$version/node_modules/npm/bin/npm-cli.js" config get registry "$@" 2>"$folder/errors")" || code=$?
  echo "$version $* code=$code address=${address:+given} $(grep -o 'double-loading config' "$folder/errors" | head -1)"
}
{
  for version in 10.9.9 11.19.1; do
    ask "$version" --userconfig=/dev/null --globalconfig=/dev/null
    ask "$version" --userconfig=/nonexistent/a --globalconfig=/nonexistent/a
    ask "$version" --userconfig=/dev/null --globalconfig=/nonexistent/a
  done
} | sed 's/ *$//' | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
10.9.9 --userconfig=/dev/null --globalconfig=/dev/null code=1 address= double-loading config
10.9.9 --userconfig=/nonexistent/a --globalconfig=/nonexistent/a code=1 address= double-loading config
10.9.9 --userconfig=/dev/null --globalconfig=/nonexistent/a code=0 address=given
11.19.1 --userconfig=/dev/null --globalconfig=/dev/null code=1 address= double-loading config
11.19.1 --userconfig=/nonexistent/a --globalconfig=/nonexistent/a code=1 address= double-loading config
11.19.1 --userconfig=/dev/null --globalconfig=/nonexistent/a code=0 address=given
SEEN
echo "as described"
