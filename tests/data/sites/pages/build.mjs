// Writes dist/documents (whole documents of React 18 and 19), dist/angular (what Angular's service worker and its
// ngsw-config need of a build), and dist/workbox (a precached page).
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const define = { 'process.env.NODE_ENV': '"production"' }
const bundle = (contents, outfile, options) =>
  build({ stdin: { contents, resolveDir: '.' }, outfile, bundle: true, minify: true, define, legalComments: 'none', ...options })

rmSync('dist', { recursive: true, force: true })
for (const version of ['18', '19']) {
  // react-dom asks for `react`, of which there are two here.
  const options = { alias: { react: `react-${version}` } }
  const server = `dist/server-${version}.cjs`
  await bundle(
    `import * as React from 'react-${version}'
     import { renderToString } from 'react-dom-${version}/server'
     import { document_of } from './document.js'
     export const html = renderToString(React.createElement(document_of(React)))`,
    server,
    { ...options, platform: 'node', format: 'cjs' },
  )
  mkdirSync(`dist/documents/${version}`, { recursive: true })
  writeFileSync(`dist/documents/${version}/index.html`, `<!DOCTYPE html>${require(`./${server}`).html}`)
  rmSync(server)
  await bundle(
    `import * as React from 'react-${version}'
     import { hydrateRoot } from 'react-dom-${version}/client'
     import { document_of } from './document.js'
     window.trouble = []
     hydrateRoot(document, React.createElement(document_of(React)), {
       onRecoverableError: (error) => window.trouble.push(String(error)),
     })`,
    `dist/documents/${version}/client.js`,
    options,
  )
}
writeFileSync('dist/documents/index.html', '<!doctype html><title>Documents</title><a href="18/">18</a> <a href="19/">19</a>')

const page = (title, script) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1><p id="colour"></p>
<script>document.getElementById('colour').textContent = (window.__EASEL__ || {}).COLOUR || 'none'</script>
<script>${script}</script>
</body>
</html>
`
mkdirSync('dist/angular', { recursive: true })
writeFileSync('dist/angular/index.html', page('Angular', "navigator.serviceWorker.register('/ngsw-worker.js')"))
writeFileSync('dist/angular/main-AB12CD34.js', 'console.log(1)\n')
for (const name of ['ngsw-worker.js', 'safety-worker.js']) {
  cpSync(`node_modules/@angular/service-worker/${name}`, `dist/angular/${name}`)
}
execFileSync('node', ['node_modules/@angular/service-worker/ngsw-config.js', 'dist/angular', 'ngsw-config.json'])

mkdirSync('dist/workbox', { recursive: true })
writeFileSync('dist/workbox/index.html', page('Workbox', "navigator.serviceWorker.register('/sw.js')"))
const revision = createHash('md5').update(readFileSync('dist/workbox/index.html')).digest('hex')
await bundle(
  `import { precacheAndRoute } from 'workbox-precaching'
   self.skipWaiting()
   self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
   precacheAndRoute([{ url: 'index.html', revision: '${revision}' }])`,
  'dist/workbox/sw.js',
)
