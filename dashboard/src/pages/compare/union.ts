// The folders of several runs as one tree: a row for each path that any of them has.
import type { Entry } from '#artifacts/tree.ts'

export interface UnionRow {
  path: string
  name: string
  isFolder: boolean
  isOpen: boolean
  depth: number
  runIds: readonly string[]
  /** What each run has there. */
  entries: (Entry | undefined)[]
  /** Of folders: whether their sizes or counts do; equal ones may still differ inside. */
  differs: boolean
}

type Folders = ReadonlyMap<string, ReadonlyMap<string, readonly Entry[]>>

export function toUnionRows(
  folders: Folders,
  open: ReadonlySet<string>,
  runIds: readonly string[],
  isOnlyDifferent: boolean,
  folder = '',
  depth = 0,
): UnionRow[] {
  const lists = folders.get(folder)
  if (!lists) return []
  const maps = runIds.map((id) => new Map(lists.get(id)?.map((entry) => [entry.path, entry])))
  const paths = [...new Set(maps.flatMap((map) => [...map.keys()]))]
  const rows = paths.map((path): UnionRow => {
    const entries = maps.map((map) => map.get(path))
    const some = entries.find((entry) => entry)
    return {
      path,
      name: some?.name ?? path,
      isFolder: entries.some((entry) => entry?.isFolder),
      isOpen: open.has(path),
      depth,
      runIds,
      entries,
      differs: new Set(entries.map(fingerprint)).size > 1,
    }
  })
  rows.sort((a, b) => Number(b.isFolder) - Number(a.isFolder) || (a.name < b.name ? -1 : 1))
  return rows.flatMap((row) => {
    // A folder is hidden only where what is in it is known to be the same.
    if (isOnlyDifferent && !row.differs && !row.isFolder) return []
    const inside = row.isFolder && row.isOpen
    return inside
      ? [row, ...toUnionRows(folders, open, runIds, isOnlyDifferent, row.path, depth + 1)]
      : [row]
  })
}

function fingerprint(entry: Entry | undefined): string {
  if (!entry) return ''
  if (entry.isFolder) return `folder ${entry.files} ${entry.size}`
  return entry.sha256 ?? `${entry.uri} ${entry.size}`
}
