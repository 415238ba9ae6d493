import { expect, test } from 'vitest'
import { formatBytes } from './bytes.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [9_960, '10 kB'],
  [999_600, '1.0 MB'],
  [5_300_000_000, '5.3 GB'],
  [-1, 'size unknown'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))
