import { expect, test } from 'vitest'
import { listZip, type ReadRange } from './zips.ts'

// Its central directory alone, behind bytes that nobody reads.
function zip(names: readonly (readonly [string, number])[]): Uint8Array {
  const text = new TextEncoder()
  const entries = names.map(([name, size]) => {
    const bytes = text.encode(name)
    const entry = new Uint8Array(46 + bytes.length)
    const view = new DataView(entry.buffer)
    view.setUint32(0, 0x02014b50, true)
    view.setUint32(24, size, true)
    view.setUint16(28, bytes.length, true)
    entry.set(bytes, 46)
    return entry
  })
  const length = entries.reduce((sum, entry) => sum + entry.length, 0)
  const body = 100_000
  const whole = new Uint8Array(body + length + 22)
  let at = body
  for (const entry of entries) {
    whole.set(entry, at)
    at += entry.length
  }
  const end = new DataView(whole.buffer, at)
  end.setUint32(0, 0x06054b50, true)
  end.setUint16(10, entries.length, true)
  end.setUint32(12, length, true)
  end.setUint32(16, body, true)
  return whole
}

function reader(whole: Uint8Array, reads: number[]): ReadRange {
  return async (start, end) => {
    const bytes = whole.slice(start, end ?? undefined)
    reads.push(bytes.length)
    return { bytes, size: whole.length }
  }
}

test('names and sizes, without the folders', async () => {
  const names = [
    ['b/', 0],
    ['b/é.txt', 5],
    ['a.py', 3],
  ] as const
  const reads: number[] = []
  expect(await listZip(reader(zip(names), reads))).toEqual([
    { name: 'a.py', size: 3 },
    { name: 'b/é.txt', size: 5 },
  ])
  expect(reads).toHaveLength(1)
})

test('a directory that is longer than what was read is fetched by itself', async () => {
  const names = Array.from({ length: 3_000 }, (_, at) => [`folder/file-${at}.txt`, at] as const)
  const reads: number[] = []
  expect(await listZip(reader(zip(names), reads))).toHaveLength(3_000)
  expect(reads).toHaveLength(2)
})

test('what is no zip says so', async () => {
  await expect(listZip(reader(new Uint8Array(100), []))).rejects.toThrow('no zip archive')
})
