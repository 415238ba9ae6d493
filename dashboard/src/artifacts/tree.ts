// The folders of a run as far as they were opened, as the rows of a tree.

export interface Entry {
  id: string
  path: string
  name: string
  isFolder: boolean
  /** Files in a folder, at any depth. */
  files: number
  /** Bytes; −1 where nobody said it. */
  size: number
  sha256: string | null
  mediaType: string
  /** Where a reference points to. */
  uri: string | null
  createdAt: string | null
  trashedAt: string | null
}

export interface Folder {
  entries: Entry[]
  /** Where the list goes on; null at its end. */
  after: string | null
  isLoading: boolean
  isLoaded: boolean
}

export type TreeRow =
  | { kind: 'entry'; entry: Entry; depth: number; isOpen: boolean }
  | { kind: 'more'; folder: string; depth: number; isLoading: boolean }

export function emptyFolder(): Folder {
  return { entries: [], after: null, isLoading: false, isLoaded: false }
}

export function toTreeRows(
  folders: ReadonlyMap<string, Folder>,
  open: ReadonlySet<string>,
  folder = '',
  depth = 0,
  rows: TreeRow[] = [],
): TreeRow[] {
  const found = folders.get(folder)
  for (const entry of found?.entries ?? []) {
    const isOpen = entry.isFolder && open.has(entry.path)
    rows.push({ kind: 'entry', entry, depth, isOpen })
    if (isOpen) toTreeRows(folders, open, entry.path, depth + 1, rows)
  }
  if (!found?.isLoaded || found.after) {
    rows.push({ kind: 'more', folder, depth, isLoading: found?.isLoading ?? true })
  }
  return rows
}

/** What was found, flat: files under their whole paths. */
export function toFoundRows(found: Folder): TreeRow[] {
  const rows: TreeRow[] = found.entries.map((entry) => ({
    kind: 'entry',
    entry: { ...entry, name: entry.path },
    depth: 0,
    isOpen: false,
  }))
  if (!found.isLoaded || found.after) {
    rows.push({ kind: 'more', folder: '', depth: 0, isLoading: found.isLoading })
  }
  return rows
}

/** The folders that a path lies in, outermost first. */
export function foldersOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

/** A path, or all that lay below it, as it was when it was last deleted. */
export function lastDeleted(entries: readonly Entry[], path: string): Entry[] {
  const found = entries.filter((each) => each.path === path || each.path.startsWith(`${path}/`))
  const times = found.map((each) => Date.parse(each.trashedAt ?? ''))
  const last = Math.max(...times)
  return found.filter((_, at) => times[at] === last)
}
