#!/usr/bin/env bash
# pathspec 1.1.1: `GitIgnoreSpec`, which promises git's behaviour, lets a line `!packages` include each excluded folder below
# `packages` again. In git, the line includes only `packages` itself: the files in `packages/ui/node_modules` stay excluded
# by `node_modules/`. Excluded files (`*.map`) stay excluded in both.
# POSIX classes such as `[[:upper:]]` match nothing in pathspec (a FutureWarning appears).
# Needs git.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pathspec==1.1.1
git init --quiet "$folder/repository"
cat >"$folder/look.py" <<'PY'
import subprocess
import sys
import warnings
from pathlib import Path

from pathspec import GitIgnoreSpec

warnings.simplefilter("ignore")
repository = Path(sys.argv[1])
for lines, path in (
    (["node_modules/", "!packages"], "packages/ui/node_modules/x.js"),
    (["node_modules", "!packages"], "packages/ui/node_modules"),
    (["node_modules", "!packages"], "packages/ui/node_modules/x.js"),
    (["*.map", "!public"], "public/app.js.map"),
    (["[[:upper:]]"], "A"),
):
    (repository / ".git/info/exclude").write_text("\n".join(lines) + "\n")
    command = ["git", "-C", str(repository), "check-ignore", "--no-index", "--quiet", path]
    git = subprocess.run(command, check=False).returncode == 0
    print(lines, path, "git:", git, "pathspec:", GitIgnoreSpec.from_lines(lines).match_file(path))
PY
"$folder/venv/bin/python" "$folder/look.py" "$folder/repository" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
['node_modules/', '!packages'] packages/ui/node_modules/x.js git: True pathspec: False
['node_modules', '!packages'] packages/ui/node_modules git: True pathspec: True
['node_modules', '!packages'] packages/ui/node_modules/x.js git: True pathspec: False
['*.map', '!public'] public/app.js.map git: True pathspec: True
['[[:upper:]]'] A git: True pathspec: False
SEEN
echo "as described"
