// The artifacts of a run as a page shows them: loaded folder by folder, or by search.
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  ArtifactAtDocument,
  type ArtifactEntryFragment,
  ArtifactsDocument,
} from '#api/generated.ts'
import { toInteger } from '#lib/columns.ts'
import {
  type Entry,
  emptyFolder,
  type Folder,
  foldersOf,
  type TreeRow,
  toFoundRows,
  toTreeRows,
} from './tree.ts'

const PAGE = 200

export function toEntry(found: ArtifactEntryFragment): Entry {
  return {
    ...found,
    files: toInteger(found.files ?? 0),
    size: toInteger(found.size ?? -1),
    sha256: found.sha256 ?? null,
    mediaType: found.mediaType ?? '',
    uri: found.uri ?? null,
    createdAt: found.createdAt ?? null,
    trashedAt: found.trashedAt ?? null,
  }
}

export class ArtifactStore {
  readonly id: string
  files = 0
  size = 0
  /** Whether the first folder was answered. */
  isReady = false
  error: ApiError | null = null
  rows: readonly TreeRow[] = []
  version = 0
  private readonly folders = new Map<string, Folder>()
  private readonly open = new Set<string>()
  private found: Folder | null = null
  private needle = ''
  private readonly listeners = new Set<() => void>()
  private readonly stopped = new AbortController()

  constructor(id: string) {
    this.id = id
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  stop(): void {
    this.stopped.abort()
  }

  toggle(path: string, isOpen = !this.open.has(path)): void {
    if (isOpen) {
      this.open.add(path)
      if (!this.folders.has(path)) void this.more(path)
    } else this.open.delete(path)
    this.changed()
  }

  /** Opens the folders that a path lies in. */
  reveal(path: string): void {
    for (const folder of foldersOf(path)) this.toggle(folder, true)
  }

  search(needle: string): void {
    this.needle = needle
    this.found = needle ? emptyFolder() : null
    if (needle) void this.more('')
    this.changed()
  }

  get isSearching(): boolean {
    return this.found !== null
  }

  /** The next page of a folder, or of what is found. */
  async more(path: string): Promise<void> {
    const { found, needle } = this
    const folder = found ?? this.folders.get(path) ?? emptyFolder()
    if (folder.isLoading || (folder.isLoaded && !folder.after)) return
    if (!found) this.folders.set(path, folder)
    folder.isLoading = true
    this.changed()
    try {
      const page = await this.fetch(found ? '' : path, found ? needle : null, folder.after)
      folder.entries = [...folder.entries, ...page.entries]
      folder.after = page.after
      folder.isLoaded = true
      this.error = null
    } catch (cause) {
      if (this.stopped.signal.aborted) return
      this.error = toApiError(cause)
      // Told, and asked for again when the reader opens it again.
      if (!folder.isLoaded && !found) this.folders.delete(path)
    } finally {
      folder.isLoading = false
      this.changed()
    }
  }

  /** What is open is asked for again where files came or went. */
  async look(): Promise<void> {
    const { files, size } = this
    try {
      await this.fetch('', null, null)
      if (this.files !== files || this.size !== size || this.error) await this.refresh()
    } catch (cause) {
      if (this.stopped.signal.aborted) return
      this.error = toApiError(cause)
      this.changed()
    }
  }

  /** What is open is asked for again; what is shown stays until it is answered. */
  async refresh(): Promise<void> {
    const shown = ['', ...this.open].filter((path) => this.folders.has(path))
    try {
      for (const path of shown.length ? shown : ['']) {
        const before = this.folders.get(path)
        const fresh = emptyFolder()
        do {
          const page = await this.fetch(path, null, fresh.after)
          fresh.entries.push(...page.entries)
          fresh.after = page.after
        } while (fresh.after && fresh.entries.length < (before?.entries.length ?? 0))
        fresh.isLoaded = true
        this.folders.set(path, fresh)
      }
      this.error = null
    } catch (cause) {
      if (this.stopped.signal.aborted) return
      this.error = toApiError(cause)
    }
    if (this.found) this.search(this.needle)
    this.changed()
  }

  async at(path: string): Promise<Entry | null> {
    const { run } = await ask(ArtifactAtDocument, { id: this.id, path }, this.stopped.signal)
    return run?.artifact ? toEntry(run.artifact) : null
  }

  private async fetch(
    folder: string,
    search: string | null,
    after: string | null,
  ): Promise<{ entries: Entry[]; after: string | null }> {
    const variables = { id: this.id, folder, search, first: PAGE, after }
    const { run } = await ask(ArtifactsDocument, variables, this.stopped.signal)
    this.files = toInteger(run?.artifactFiles ?? 0)
    this.size = toInteger(run?.artifactSize ?? 0)
    this.isReady = true
    const { nodes = [], pageInfo } = run?.artifacts ?? {}
    return {
      entries: nodes.map(toEntry),
      after: pageInfo?.hasNextPage ? (pageInfo.endCursor ?? null) : null,
    }
  }

  private changed(): void {
    if (this.stopped.signal.aborted) return
    this.rows = this.found ? toFoundRows(this.found) : toTreeRows(this.folders, this.open)
    this.version++
    for (const listener of [...this.listeners]) listener()
  }
}
