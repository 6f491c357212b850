#!/usr/bin/env bash
# yarn 1.22.22: in a workspace, `yarn install --frozen-lockfile` installs a dependency that is missing in the lock file,
# and ends with 0.
# The option's documentation says that the command fails if an update is needed. It fails only for dependencies of the
# root package: the same change there is refused. So the result of a monorepo's build may change from day to day,
# although its lock file does not change.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder/yarn" yarn@1.22.22 >"$folder/log" 2>&1
cd "$folder"
export YARN_CACHE_FOLDER="$folder/cache"
yarn() { node "$folder/yarn/node_modules/yarn/bin/yarn.js" --silent --no-progress --ignore-scripts "$@" >>"$folder/log" 2>&1; }
mkdir -p packages/app
root() { printf '{"name": "root", "version": "1.0.0", "private": true, "workspaces": ["packages/*"], "dependencies": {%s}}' "$1" >package.json; }
app() { printf '{"name": "app", "version": "1.0.0", "dependencies": {"is-number": "7.0.0"%s}}' "$1" >packages/app/package.json; }
root '' && app ''
yarn install
{
  app ', "is-odd": "3.0.1"'
  yarn install --frozen-lockfile && echo "a workspace's new dependency: exit code 0"
  test -d node_modules/is-odd && echo "it is installed"
  grep -q is-odd yarn.lock || echo "it is not in the lock file"
  app '' && root '"is-odd": "3.0.1"'
  yarn install --frozen-lockfile || echo "the root's new dependency: exit code $?"
} | tee seen
diff seen - <<'SEEN'
a workspace's new dependency: exit code 0
it is installed
it is not in the lock file
the root's new dependency: exit code 1
SEEN
echo "as described"
