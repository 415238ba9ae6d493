// Everything that a run left: a tree of its files, and what is selected beside it.

import { useNavigate } from '@tanstack/react-router'
import {
  type ReactElement,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { change } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { DeleteArtifactsDocument } from '#api/generated.ts'
import { formatBytes } from '#lib/bytes.ts'
import { formatCount } from '#lib/format.ts'
import { Beginning } from '#ui/Beginning.tsx'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { SearchField } from '#ui/SearchField.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { toast } from '#ui/toasts.tsx'
import { pagePath, zipUrl } from './kinds.ts'
import { Preview } from './Preview.tsx'
import { ArtifactStore } from './store.ts'
import { Trash } from './Trash.tsx'
import { Tree } from './Tree.tsx'
import { restoreDeleted } from './trashed.ts'
import type { Entry } from './tree.ts'
import './artifacts.css'

interface ExplorerProps {
  runId: string
  /** What is selected; "" for nothing. */
  path: string
  isRunning: boolean
}

// While a run runs, how often it is looked for new files.
const REFRESH_MS = 4_000
const SEARCH_MS = 150

export default function Explorer({ runId, path, isRunning }: ExplorerProps): ReactElement {
  const store = useStore(runId, isRunning)
  const navigate = useNavigate()
  const [search, setSearch] = useState('')
  const [isTrash, setTrash] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const { entry, error, forget } = useSelected(store, path)
  useEffect(() => {
    if (path) store?.reveal(path)
  }, [store, path])
  useEffect(() => {
    if (!store) return
    const timer = setTimeout(() => store.search(search.trim()), search ? SEARCH_MS : 0)
    return () => clearTimeout(timer)
  }, [store, search])
  const shortcuts = useMemo<Shortcut[]>(
    () => [{ key: '/', label: 'Search artifacts', run: () => field.current?.select() }],
    [],
  )
  useShortcuts('Artifacts', shortcuts, true)
  const select = useCallback(
    (next: string) => void navigate({ to: pagePath(runId, next), search: true }),
    [navigate, runId],
  )
  const remove = useCallback(
    async (gone: Entry) => {
      try {
        await change(DeleteArtifactsDocument, { input: { runId, paths: [gone.path] } })
        select('')
        forget()
        void store?.refresh()
        toast(`${gone.name} is in the trash.`, {
          label: 'Undo',
          run: async () => {
            try {
              await restoreDeleted(runId, gone.path)
              await store?.refresh()
              select(gone.path)
            } catch (cause) {
              toast(`Not restored: ${toApiError(cause).message}`)
            }
          },
        })
      } catch (cause) {
        toast(`Not deleted: ${toApiError(cause).message}`)
      }
    },
    [runId, store, select, forget],
  )
  if (!store) return <Skeleton rows={10} />
  if (!store.isReady) {
    if (store.error) {
      return <Notice title="The artifacts could not be loaded" trouble={store.error} />
    }
    return <Skeleton rows={10} />
  }
  const isBare = store.files === 0 && !isTrash
  return (
    <section className={path || isTrash ? 'explorer with-preview' : 'explorer'}>
      <div className="explorer-tree">
        <div className="toolbar">
          <SearchField
            field={field}
            label="Search artifacts"
            placeholder="Files…"
            value={search}
            onChange={setSearch}
          />
          <span className="spacer" />
          {store.files > 0 && (
            <a
              className="quiet bare"
              href={zipUrl(runId, '')}
              download
              title="Download everything as a zip"
              aria-label="Download everything as a zip"
            >
              <Icon name="download" />
            </a>
          )}
          <button
            type="button"
            className="quiet bare"
            aria-pressed={isTrash}
            aria-label="Trash"
            title="Trash"
            onClick={() => setTrash(!isTrash)}
          >
            <Icon name="trash" />
          </button>
        </div>
        {store.error && <Notice title="Some could not be loaded" trouble={store.error} />}
        {store.rows.length > 0 ? (
          <Tree store={store} selected={path} onSelect={select} />
        ) : (
          <p className="muted hint">
            {store.isSearching ? `No file matches “${search}”.` : 'No files'}
          </p>
        )}
        <p className="explorer-foot muted tabular">
          {formatCount(store.files)} {store.files === 1 ? 'file' : 'files'},{' '}
          {formatBytes(store.size)}
        </p>
      </div>
      <div className="explorer-preview">
        {isTrash ? (
          <Trash runId={runId} onChange={() => void store.refresh()} />
        ) : isBare ? (
          <Beginning
            title={
              isRunning
                ? 'No file is logged yet. Files appear here as soon as they are.'
                : 'This run left no files.'
            }
            code={PYTHON}
          />
        ) : (
          <Selected
            runId={runId}
            path={path}
            entry={entry}
            error={error}
            onSelect={select}
            onDelete={remove}
          />
        )}
      </div>
    </section>
  )
}

const PYTHON = `import trackql

with trackql.start_run():
    trackql.log_artifact("model.pt", artifact_path="checkpoints")
    trackql.log_text("any text", "notes/readme.md")
    trackql.log_dict({"classes": 10}, "config.json")`

interface SelectedProps {
  runId: string
  path: string
  entry: Entry | null | undefined
  error: ApiError | null
  onSelect(path: string): void
  onDelete(entry: Entry): void
}

function Selected(props: SelectedProps): ReactElement {
  const { runId, path, entry, error, onSelect, onDelete } = props
  if (!path) return <p className="empty muted">Select a file to see what is in it.</p>
  if (error) return <Notice title="The artifact could not be loaded" trouble={error} />
  if (entry === undefined) return <Skeleton rows={8} />
  if (entry === null) {
    return (
      <Notice
        title="No such artifact"
        trouble={{
          code: 'NOT_FOUND',
          message: `This run has no artifact ${path}.`,
          remedy: 'It may be in the trash, or was logged under another name.',
        }}
      />
    )
  }
  return (
    <Preview
      key={`${entry.path} ${entry.sha256}`}
      runId={runId}
      entry={entry}
      onSelect={onSelect}
      onDelete={onDelete}
    />
  )
}

function useStore(runId: string, isRunning: boolean): ArtifactStore | null {
  const [store, setStore] = useState<ArtifactStore | null>(null)
  const { epoch } = useConnection()
  useEffect(() => {
    const made = new ArtifactStore(runId)
    setStore(made)
    void made.more('')
    return () => made.stop()
  }, [runId])
  useEffect(() => {
    if (!store) return
    if (epoch) void store.refresh()
    if (!isRunning) return
    const timer = setInterval(() => document.hidden || void store.look(), REFRESH_MS)
    return () => {
      clearInterval(timer)
      // What came between the last look and the end of the run.
      void store.look()
    }
  }, [store, isRunning, epoch])
  useSyncExternalStore(store?.subscribe ?? never, () => store?.version ?? 0)
  return store
}

function never(): () => void {
  return () => undefined
}

interface SelectedEntry {
  entry: Entry | null | undefined
  error: ApiError | null
  forget(): void
}

function useSelected(store: ArtifactStore | null, path: string): SelectedEntry {
  const [found, setFound] = useState<{ path: string; entry: Entry | null } | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const listed = useMemo(() => {
    if (!path || !store?.version) return null
    const row = store.rows.find((each) => each.kind === 'entry' && each.entry.path === path)
    return row?.kind === 'entry' ? row.entry : null
  }, [store, store?.version, path])
  const isListed = listed !== null
  const isKnown = found?.path === path
  useEffect(() => {
    if (!store || !path || isListed || isKnown) return
    let isCurrent = true
    setError(null)
    store
      .at(path)
      .then((entry) => isCurrent && setFound({ path, entry }))
      .catch((cause) => isCurrent && setError(toApiError(cause)))
    return () => {
      isCurrent = false
    }
  }, [store, path, isListed, isKnown])
  const forget = useCallback(() => setFound(null), [])
  if (listed) {
    return { entry: { ...listed, name: path.split('/').at(-1) ?? path }, error: null, forget }
  }
  return { entry: isKnown ? found.entry : undefined, error, forget }
}
