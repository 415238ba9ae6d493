// Reads what `git diff` writes, as files, hunks and lines; and lines that a patch does not have.

export interface PatchLine {
  kind: 'same' | 'old' | 'new'
  text: string
  /** From 1; null where the line is not in that version. */
  oldNumber: number | null
  newNumber: number | null
}

export interface Hunk {
  /** What stands behind the @@: the function it is in. */
  title: string
  lines: PatchLine[]
}

export interface FilePatch {
  path: string
  /** Where a renamed file was before. */
  oldPath: string | null
  kind: 'changed' | 'added' | 'deleted' | 'renamed' | 'binary'
  hunks: Hunk[]
  added: number
  removed: number
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)$/

export function parsePatch(text: string): FilePatch[] {
  const files: FilePatch[] = []
  let file: FilePatch | undefined
  let hunk: Hunk | undefined
  let [oldNumber, newNumber] = [0, 0]
  let [oldLeft, newLeft] = [0, 0]
  const begin = (path: string) => {
    file = { path, oldPath: null, kind: 'changed', hunks: [], added: 0, removed: 0 }
    files.push(file)
    hunk = undefined
  }
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (const line of lines) {
    const isInside = hunk && (oldLeft > 0 || newLeft > 0) && /^(?:[-+ \\]|$)/.test(line)
    if (isInside && file && hunk) {
      const sign = line[0] ?? ' '
      const rest = line.slice(1).replace(/\r$/, '')
      if (sign === '+') {
        hunk.lines.push({ kind: 'new', text: rest, oldNumber: null, newNumber: newNumber++ })
        file.added++
        newLeft--
      } else if (sign === '-') {
        hunk.lines.push({ kind: 'old', text: rest, oldNumber: oldNumber++, newNumber: null })
        file.removed++
        oldLeft--
      } else if (sign === ' ') {
        hunk.lines.push({
          kind: 'same',
          text: rest,
          oldNumber: oldNumber++,
          newNumber: newNumber++,
        })
        oldLeft--
        newLeft--
      }
      continue
    }
    const opened = HUNK.exec(line)
    if (opened && file) {
      hunk = { title: opened[3] ?? '', lines: [] }
      file.hunks.push(hunk)
      oldNumber = Number(opened[1])
      newNumber = Number(opened[2])
      const counts = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))?/.exec(line)
      oldLeft = Number(counts?.[1] ?? 1)
      newLeft = Number(counts?.[2] ?? 1)
    } else if (line.startsWith('diff --git ')) begin(pathOf(line))
    else if (file) readHead(file, line)
    if (!file && line.startsWith('--- ')) begin(unquote(line.slice(4)))
    if (file && !hunk && line.startsWith('+++ ') && line !== '+++ /dev/null') {
      file.path = unquote(line.slice(4)).replace(/^b\//, '')
    }
  }
  return files
}

function readHead(file: FilePatch, line: string): void {
  if (line.startsWith('new file')) file.kind = 'added'
  else if (line.startsWith('deleted file')) file.kind = 'deleted'
  else if (line.startsWith('rename from ')) {
    file.oldPath = unquote(line.slice(12))
    file.kind = 'renamed'
  } else if (line.startsWith('rename to ')) file.path = unquote(line.slice(10))
  else if (line.startsWith('Binary files ') || line === 'GIT binary patch') file.kind = 'binary'
}

/** Of `diff --git a/x b/x`: both halves are the same where nothing was renamed. */
function pathOf(line: string): string {
  const rest = line.slice('diff --git '.length)
  if (rest.startsWith('"')) return unquote(rest.slice(0, rest.indexOf('" ') + 1)).slice(2)
  return rest.slice(2, Math.max(2, (rest.length - 1) / 2))
}

/** Git quotes names that are not plain ASCII, their bytes in octal. */
function unquote(name: string): string {
  const bare = name.replace(/\t.*$/, '')
  if (!bare.startsWith('"')) return bare
  const bytes: number[] = []
  const inner = bare.slice(1, -1)
  for (let at = 0; at < inner.length; at++) {
    const octal = /^\\([0-7]{3})/.exec(inner.slice(at, at + 4))
    if (octal?.[1]) {
      bytes.push(Number.parseInt(octal[1], 8))
      at += 3
    } else if (inner[at] === '\\') {
      at++
      const escaped = inner[at] ?? ''
      bytes.push({ n: 10, t: 9 }[escaped] ?? escaped.charCodeAt(0))
    } else bytes.push(...new TextEncoder().encode(inner[at]))
  }
  return new TextDecoder().decode(new Uint8Array(bytes))
}

/** A row of a diff side by side: what was, and what is. */
export interface Pair {
  left: PatchLine | null
  right: PatchLine | null
}

/** Removed lines stand beside those that were added in their place. */
export function toPairs(lines: readonly PatchLine[]): Pair[] {
  const pairs: Pair[] = []
  let [old, fresh]: [PatchLine[], PatchLine[]] = [[], []]
  const flush = () => {
    for (let at = 0; at < Math.max(old.length, fresh.length); at++) {
      pairs.push({ left: old[at] ?? null, right: fresh[at] ?? null })
    }
    old = []
    fresh = []
  }
  for (const line of lines) {
    if (line.kind === 'old') {
      if (fresh.length) flush()
      old.push(line)
    } else if (line.kind === 'new') fresh.push(line)
    else {
      flush()
      pairs.push({ left: line, right: line })
    }
  }
  flush()
  return pairs
}
