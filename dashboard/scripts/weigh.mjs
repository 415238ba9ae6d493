// Weighs what a browser loads for the first page: everything index.html names and what that
// imports at once, compressed. More than the budget fails.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const BUDGET = 250_000
const weights = new Map()

function weigh(url) {
  if (weights.has(url)) return
  const bytes = readFileSync(`dist${url}`)
  weights.set(url, gzipSync(bytes).length)
  if (!url.endsWith('.js')) return
  for (const [, name] of bytes
    .toString()
    .matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) {
    weigh(`/assets/${name}`)
  }
}

const page = readFileSync('dist/index.html', 'utf8')
for (const [, url] of page.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)) weigh(url)
const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0)
if (weights.size === 0) throw new Error('dist/index.html names no assets: run npm run build')
if (total > BUDGET) {
  const rows = [...weights].map(([url, weight]) => `  ${weight} ${url}`).join('\n')
  console.error(`The first page weighs ${total} bytes compressed, over ${BUDGET}:\n${rows}`)
  process.exit(1)
}
console.log(`The first page weighs ${total} of ${BUDGET} bytes, compressed.`)
