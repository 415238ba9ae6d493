// What tells two sets of uncommitted changes apart, file by file.
import type { FilePatch, Hunk, PatchLine } from './patch.ts'
import { diffTexts } from './texts.ts'

/** Files whose changes are the same in both are left out. */
export function comparePatches(
  before: readonly FilePatch[],
  after: readonly FilePatch[],
): FilePatch[] {
  const [left, right] = [byPath(before), byPath(after)]
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort()
  return paths.flatMap((path) => {
    const [old, fresh] = [left.get(path), right.get(path)]
    // Changed in one alone: that change itself, forwards or back.
    if (!old && fresh) return [fresh]
    if (old && !fresh) return [reversed(old)]
    const [before, after] = [linesOf(old), linesOf(fresh)]
    const found = diffTexts(path, textOf(before), textOf(after))
    return found ? [{ ...found, kind: 'changed' as const, hunks: found.hunks.map(place) }] : []

    function place(hunk: Hunk): Hunk {
      const lines = hunk.lines.map((line) => ({
        ...line,
        oldNumber: line.oldNumber && (before[line.oldNumber - 1]?.newNumber ?? null),
        newNumber: line.newNumber && (after[line.newNumber - 1]?.newNumber ?? null),
      }))
      return { ...hunk, lines }
    }
  })
}

function byPath(files: readonly FilePatch[]): Map<string, FilePatch> {
  return new Map(files.map((file) => [file.path, file]))
}

/** The changed places of a file as they stand after the change. */
function linesOf(file: FilePatch | undefined): PatchLine[] {
  return file?.hunks.flatMap((hunk) => hunk.lines.filter((line) => line.kind !== 'old')) ?? []
}

function textOf(lines: readonly PatchLine[]): string {
  return lines.map((line) => `${line.text}\n`).join('')
}

function reversed(file: FilePatch): FilePatch {
  const kinds = { added: 'deleted', deleted: 'added' } as const
  return {
    ...file,
    kind: file.kind === 'added' || file.kind === 'deleted' ? kinds[file.kind] : file.kind,
    added: file.removed,
    removed: file.added,
    hunks: file.hunks.map((hunk) => ({
      ...hunk,
      lines: hunk.lines.map(({ kind, text, oldNumber, newNumber }) => ({
        kind: kind === 'old' ? ('new' as const) : kind === 'new' ? ('old' as const) : kind,
        text,
        oldNumber: newNumber,
        newNumber: oldNumber,
      })),
    })),
  }
}
