// The lines that two texts differ in, as a patch of one file.
import { structuredPatch } from 'diff'
import type { FilePatch, Hunk } from './patch.ts'

/** Null where they are the same. Texts that differ everywhere are not compared for ever. */
export function diffTexts(path: string, before: string, after: string): FilePatch | null {
  if (before === after) return null
  const patch = structuredPatch(path, path, before, after, '', '', { context: 3, timeout: 2_000 })
  const file: FilePatch = {
    path,
    oldPath: null,
    kind: before === '' ? 'added' : after === '' ? 'deleted' : 'changed',
    hunks: [],
    added: 0,
    removed: 0,
  }
  if (!patch) return { ...file, kind: 'binary' }
  for (const { oldStart, newStart, lines } of patch.hunks) {
    const hunk: Hunk = { title: '', lines: [] }
    let [oldNumber, newNumber] = [oldStart, newStart]
    for (const line of lines) {
      const text = line.slice(1)
      if (line[0] === '+') {
        hunk.lines.push({ kind: 'new', text, oldNumber: null, newNumber: newNumber++ })
        file.added++
      } else if (line[0] === '-') {
        hunk.lines.push({ kind: 'old', text, oldNumber: oldNumber++, newNumber: null })
        file.removed++
      } else if (line[0] === ' ') {
        hunk.lines.push({
          kind: 'same',
          text,
          oldNumber: oldNumber++,
          newNumber: newNumber++,
        })
      }
    }
    file.hunks.push(hunk)
  }
  return file
}
