// A diff as the flat list of rows that a page draws, files folded where asked.
import { type FilePatch, type Pair, type PatchLine, toPairs } from './patch.ts'

export type DiffRow =
  | { kind: 'file'; file: FilePatch; index: number }
  | { kind: 'hunk'; title: string; from: number; id: string }
  | { kind: 'line'; line: PatchLine; id: string }
  | { kind: 'pair'; pair: Pair; id: string }
  | { kind: 'note'; text: string; id: string }

export function toDiffRows(
  files: readonly FilePatch[],
  isSplit: boolean,
  folded: ReadonlySet<string>,
): DiffRow[] {
  const rows: DiffRow[] = []
  for (const [index, file] of files.entries()) {
    rows.push({ kind: 'file', file, index })
    if (folded.has(file.path)) continue
    if (file.hunks.length === 0) {
      rows.push({ kind: 'note', text: NOTES[file.kind], id: `${index}` })
    }
    for (const [at, hunk] of file.hunks.entries()) {
      const from = hunk.lines[0]?.newNumber ?? hunk.lines[0]?.oldNumber ?? 1
      if (at > 0 || from > 1 || hunk.title) {
        rows.push({ kind: 'hunk', title: hunk.title, from, id: `${index}.${at}` })
      }
      if (isSplit) {
        for (const [place, pair] of toPairs(hunk.lines).entries()) {
          rows.push({ kind: 'pair', pair, id: `${index}.${at}.${place}` })
        }
      } else {
        for (const [place, line] of hunk.lines.entries()) {
          rows.push({ kind: 'line', line, id: `${index}.${at}.${place}` })
        }
      }
    }
  }
  return rows
}

const NOTES: Record<FilePatch['kind'], string> = {
  changed: 'Only its mode changed.',
  added: 'An empty file.',
  deleted: 'It was empty.',
  renamed: 'Renamed, not changed.',
  binary: 'Not text: the bytes differ.',
}
