#!/usr/bin/env bash
# npm 12.2.2 (11.17.0 as well): a registry at `https://IP/` with a valid certificate for that IP works directly, but not through a
# proxy (`https-proxy`). npm then compares the certificate with the name `localhost`, and fails with
# ERR_TLS_CERT_ALTNAME_INVALID. A registry with a name works through the same proxy. So a build behind a proxy needs a
# registry with a name.
# Needs openssl.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" npm@12.2.2 >"$folder/log" 2>&1
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/key.pem" -out "$folder/certificate.pem" -days 30 \
  -subj /CN=registry -addext "subjectAltName=IP:127.0.0.1,DNS:registry.test" 2>"$folder/log"
cat >"$folder/run.mjs" <<'JS'
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";

const folder = process.argv[2];
const listen = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
const keys = { key: readFileSync(`${folder}/key.pem`), cert: readFileSync(`${folder}/certificate.pem`) };
const tiny = { name: "tiny", version: "1.0.0", dist: { tarball: "none", shasum: "none" } };
const document = JSON.stringify({ name: "tiny", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": tiny } });
const port = await listen(https.createServer(keys, (_, response) => response.end(document)));
const proxy = http.createServer();
proxy.on("connect", (_, client) => {
  const registry = net.connect(port, "127.0.0.1", () => {
    client.write("HTTP/1.1 200 OK\r\n\r\n");
    registry.pipe(client).pipe(registry);
  });
  for (const socket of [client, registry]) socket.on("error", () => socket.destroy());
});
const throughProxy = ["--https-proxy", `http://127.0.0.1:${await listen(proxy)}`];

for (const [name, host, options] of [
  ["IP, direct", "127.0.0.1", []],
  ["IP, through the proxy", "127.0.0.1", throughProxy],
  ["name, through the proxy", "registry.test", throughProxy],
]) {
  const settings = { cafile: `${folder}/certificate.pem`, cache: `${folder}/cache-${options.length}-${host}`,
    userconfig: `${folder}/none`, globalconfig: `${folder}/neither`, fetch_retries: "0", update_notifier: "false", noproxy: "" };
  const env = { PATH: process.env.PATH, HOME: folder };
  for (const [key, value] of Object.entries(settings)) env[`npm_config_${key}`] = value;
  const command = [`${folder}/node_modules/npm/bin/npm-cli.js`, "view", "tiny", "version"];
  const npm = spawn(process.execPath, [...command, "--registry", `https://${host}:${port}/`, ...options], { env });
  let said = "";
  for (const stream of [npm.stdout, npm.stderr]) stream.on("data", (piece) => (said += piece));
  await new Promise((done) => npm.on("close", done));
  console.log(`${name}: ${said.match(/ERR_\w+|^1\.0\.0$/m)?.[0]} ${said.match(/Host: \S+/)?.[0] ?? ""}`.trim());
}
process.exit(0);
JS
node "$folder/run.mjs" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
IP, direct: 1.0.0
IP, through the proxy: ERR_TLS_CERT_ALTNAME_INVALID Host: localhost.
name, through the proxy: 1.0.0
SEEN
echo "as described"
