#!/usr/bin/env bash
# git 2.39.5 (Debian): gitignore(5) says that two asterisks beside other characters count as one asterisk, so `a**/b` should match
# like `a*/b`. It does so only if a wildcard stands before the asterisks. Behind plain characters, they cross folders:
# `app**/secret` excludes `app-1/x/y/secret`, and `[a]pp**/secret` does not. git takes the plain characters off before it
# matches, so the asterisks come first in the rest.
# pathspec 1.1.1 and npm's `ignore` 7.0.5, which other tools use for these files, follow the documentation.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pathspec==1.1.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" ignore@7.0.5 >"$folder/log" 2>&1
git init --quiet "$folder/repository"
path=app-1/x/y/secret
for line in 'app**/secret' '[a]pp**/secret' 'app*/secret' '**/secret'; do
  printf '%s\n' "$line" >"$folder/repository/.git/info/exclude"
  by_git=no by_pathspec=no by_ignore=no
  git -C "$folder/repository" check-ignore --no-index --quiet "$path" && by_git=yes
  "$folder/venv/bin/python" -c "import sys, pathspec
sys.exit(not pathspec.GitIgnoreSpec.from_lines([sys.argv[1]]).match_file(sys.argv[2]))" "$line" "$path" && by_pathspec=yes
  (cd "$folder" && node -e "process.exit(require('ignore')().add(process.argv[1]).ignores(process.argv[2]) ? 0 : 1)" \
    "$line" "$path") && by_ignore=yes
  echo "$line: git $by_git, pathspec $by_pathspec, ignore $by_ignore"
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
app**/secret: git yes, pathspec no, ignore no
[a]pp**/secret: git no, pathspec no, ignore no
app*/secret: git no, pathspec no, ignore no
**/secret: git yes, pathspec yes, ignore yes
SEEN
echo "as described"
