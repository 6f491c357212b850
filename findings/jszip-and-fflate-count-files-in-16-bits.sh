#!/usr/bin/env bash
# jszip 3.10.2 and fflate 0.8.3 write zips of more than 65,535 files without a zip64 end record. The number of files in
# the end record is the real number modulo 65,536, although APPNOTE.TXT (4.4.1.4) asks for zip64 there. Nothing warns.
# Readers that trust the number lose nearly all files without an error: yauzl 3, adm-zip, and fflate itself, which reads 1
# of the 65,537 files that it wrote. jszip and Python's zipfile go by the size of the directory, and read all files.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
  jszip@3.10.2 fflate@0.8.3 yauzl@3.4.0 adm-zip@0.6.1 >"$folder/log" 2>&1
cat >"$folder/run.mjs" <<'JS'
import { writeFileSync } from "node:fs";
import AdmZip from "adm-zip";
import { unzipSync, zipSync } from "fflate";
import JSZip from "jszip";
import yauzl from "yauzl";

const files = {};
for (let number = 0; number < 65_537; number++) files[`f${number}.txt`] = new Uint8Array(1);
const byJszip = new JSZip();
for (const name of Object.keys(files)) byJszip.file(name, files[name]);
const zips = { jszip: await byJszip.generateAsync({ type: "nodebuffer" }), fflate: Buffer.from(zipSync(files, { level: 0 })) };

const count = (zip) =>
  new Promise((done, failed) =>
    yauzl.fromBuffer(zip, { lazyEntries: true }, (error, reader) => {
      if (error) return failed(error);
      let entries = 0;
      reader.on("entry", () => { entries++; reader.readEntry(); });
      reader.on("end", () => done(entries));
      reader.readEntry();
    }));

for (const [writer, zip] of Object.entries(zips)) {
  writeFileSync(`${process.argv[2]}/${writer}.zip`, zip);
  console.log(`written by ${writer}: end record says ${zip.readUInt16LE(zip.length - 12)}`);
  console.log("  yauzl reads", await count(zip));
  console.log("  adm-zip reads", new AdmZip(zip).getEntries().length);
  console.log("  fflate reads", Object.keys(unzipSync(zip)).length);
  console.log("  jszip reads", Object.keys((await JSZip.loadAsync(zip)).files).length);
}
JS
node "$folder/run.mjs" "$folder" | tee "$folder/seen"
python3 - "$folder" <<'PY' | tee -a "$folder/seen"
import sys
import zipfile

for writer in ("jszip", "fflate"):
    print(f"zipfile reads {len(zipfile.ZipFile(f'{sys.argv[1]}/{writer}.zip').namelist())} of {writer}'s")
PY
diff "$folder/seen" - <<'SEEN'
written by jszip: end record says 1
  yauzl reads 1
  adm-zip reads 1
  fflate reads 1
  jszip reads 65537
written by fflate: end record says 1
  yauzl reads 1
  adm-zip reads 1
  fflate reads 1
  jszip reads 65537
zipfile reads 65537 of jszip's
zipfile reads 65537 of fflate's
SEEN
echo "as described"
