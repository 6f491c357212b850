#!/usr/bin/env bash
# isal 1.9.1: with `max_length`, `isal_zlib.decompressobj().decompress()` takes in all input early and leaves `unconsumed_tail`
# empty, although output is still to come. zlib, whose interface it copies, leaves the input there until nothing is left.
# A loop that reads in bounded pieces until `unconsumed_tail` is empty gets the whole stream from zlib, and loses up to 40 KB
# of its end with isal, without an error. Read until `eof` is true (with empty input if need be), or call `flush()`, which
# gives the rest in one piece whatever the bound was.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check isal==1.9.1
cat >"$folder/look.py" <<'PY'
import random
import zlib

from isal import isal_zlib

data = random.Random(1).randbytes(200_000) + b"x" * 300_000
packer = zlib.compressobj(6, zlib.DEFLATED, -15)
packed = packer.compress(data) + packer.flush()

for library in (zlib, isal_zlib):
    reader = library.decompressobj(-15)
    got = reader.decompress(packed, 4096)
    while reader.unconsumed_tail:
        got += reader.decompress(reader.unconsumed_tail, 4096)
    print(library.__name__, "until the tail is empty:", len(got), "of", len(data), "eof:", reader.eof)
    reader = library.decompressobj(-15)
    got = reader.decompress(packed, 4096)
    while not reader.eof:
        got += reader.decompress(reader.unconsumed_tail, 4096)
    print(library.__name__, "until eof:", len(got), "of", len(data))
PY
"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
zlib until the tail is empty: 500000 of 500000 eof: True
zlib until eof: 500000 of 500000
isal.isal_zlib until the tail is empty: 462848 of 500000 eof: False
isal.isal_zlib until eof: 500000 of 500000
SEEN
echo "as described"
