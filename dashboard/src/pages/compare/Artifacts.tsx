// The artifacts of runs side by side: which are the same, and what is in those of one path.
import { type ReactElement, useEffect, useMemo, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { ComparedFolderDocument } from '#api/generated.ts'
import { Contents } from '#artifacts/Contents.tsx'
import { kindOf } from '#artifacts/kinds.ts'
import { toEntry } from '#artifacts/store.ts'
import type { Entry } from '#artifacts/tree.ts'
import { viewsOf } from '#artifacts/views.ts'
import { Swatch } from '#charts/Swatch.tsx'
import { formatBytes } from '#lib/bytes.ts'
import { twins } from '#lib/palette.ts'
import { Icon } from '#ui/icons.tsx'
import { Lines } from '#ui/Lines.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import '#artifacts/artifacts.css'
import { all } from './facts.ts'
import type { Run } from './load.ts'
import { toUnionRows, type UnionRow } from './union.ts'

interface ArtifactsProps {
  runs: readonly Run[]
  path: string
  isAll: boolean
  onAll(isAll: boolean): void
  onPath(path: string): void
}

const [PAGE, ROW_PX] = [500, 28]

export default function Artifacts(props: ArtifactsProps): ReactElement {
  const { runs, path, isAll, onAll, onPath } = props
  const ids = useMemo(() => runs.map((run) => run.id), [runs])
  const { folders, open, toggle, error } = useFolders(ids)
  const rows = useMemo(() => toUnionRows(folders, open, ids, !isAll), [folders, open, ids, isAll])
  const marks = twins(ids)
  const selected = rows.find((row) => row.path === path)
  const isLoading = !folders.has('')
  const head = (
    <div className="compare-row compare-head">
      <span className="compare-key muted">File</span>
      {runs.map((run) => (
        <span key={run.id} className="compare-cell">
          <Swatch runId={run.id} twin={marks.get(run.id) ?? 0} />
          <span className="clip">{run.name}</span>
        </span>
      ))}
    </div>
  )
  return (
    <section className="columns" aria-label="Artifacts">
      <div className="toolbar">
        <label className="check">
          <input
            type="checkbox"
            checked={!isAll}
            onChange={(event) => onAll(!event.target.checked)}
          />
          Only differences
        </label>
      </div>
      {error && <Notice title="Some artifacts could not be loaded" trouble={error} />}
      {isLoading && !error && <Skeleton rows={8} />}
      {!isLoading && rows.length === 0 && (
        <p className="empty muted">
          {isAll ? 'None of these runs left files.' : 'Their files are the same.'}
        </p>
      )}
      <Lines
        count={rows.length}
        rowPx={ROW_PX}
        label="Artifacts of the runs"
        className={selected && !selected.isFolder ? 'union-lines short' : 'union-lines'}
        head={head}
        line={(index) => {
          const row = rows[index]
          if (!row) return null
          return (
            <UnionLine
              key={row.path}
              row={row}
              isSelected={row.path === path}
              onChoose={() => (row.isFolder ? toggle(row.path) : onPath(row.path))}
            />
          )
        }}
      />
      {selected && !selected.isFolder && (
        <SideBySide runs={runs} row={selected} onClose={() => onPath('')} />
      )}
    </section>
  )
}

interface UnionLineProps {
  row: UnionRow
  isSelected: boolean
  onChoose(): void
}

function UnionLine({ row, isSelected, onChoose }: UnionLineProps): ReactElement {
  const first = row.entries.find((entry) => entry)
  return (
    <div className={row.differs ? 'compare-row differs' : 'compare-row'} data-selected={isSelected}>
      <button
        type="button"
        className="compare-key union-name"
        aria-expanded={row.isFolder ? row.isOpen : undefined}
        style={{ paddingLeft: 8 + row.depth * 16 }}
        title={row.path}
        onClick={onChoose}
      >
        <span className="fold">{row.isFolder && <Icon name="chevron" />}</span>
        <span className="clip">{row.name}</span>
      </button>
      {row.entries.map((entry, index) => {
        const isSame = entry && first && entry !== first && entry.sha256 === first.sha256
        return (
          <span key={row.runIds[index]} className="compare-cell" title={entry?.sha256 ?? undefined}>
            {entry ? (
              <>
                {!row.isFolder && entry !== first && (
                  <span className="delta muted">{isSame ? 'same' : 'differs'}</span>
                )}
                {entry.size >= 0 ? formatBytes(entry.size) : 'link'}
              </>
            ) : (
              <span className="muted">–</span>
            )}
          </span>
        )
      })}
    </div>
  )
}

interface SideBySideProps {
  runs: readonly Run[]
  row: UnionRow
  onClose(): void
}

function SideBySide({ runs, row, onClose }: SideBySideProps): ReactElement {
  const marks = twins(runs.map((run) => run.id))
  return (
    <div className="side-by-side" role="group" aria-label={row.path}>
      <header className="preview-head">
        <h2 className="preview-path">{row.path}</h2>
        <span className="spacer" />
        <button type="button" className="quiet bare" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div className="sides">
        {runs.map((run, index) => {
          const entry = row.entries[index]
          const kind = entry ? kindOf(entry.path, entry.mediaType) : 'none'
          return (
            <div key={run.id} className="side">
              <p className="run-name">
                <Swatch runId={run.id} twin={marks.get(run.id) ?? 0} />
                <span className="clip">{run.name}</span>
              </p>
              {entry ? (
                <Contents
                  key={entry.sha256}
                  runId={run.id}
                  entry={entry}
                  kind={kind}
                  view={viewsOf(kind, entry.path)[0] ?? 'Facts'}
                  isWrapped
                />
              ) : (
                <p className="muted hint">This run has none.</p>
              )}
            </div>
          )
        })}
      </div>
    </div>
  )
}

/** Of each folder what each run has in it. */
export type Folders = ReadonlyMap<string, ReadonlyMap<string, readonly Entry[]>>

function useFolders(ids: readonly string[]) {
  const [folders, setFolders] = useState<Folders>(new Map())
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const [error, setError] = useState<ApiError | null>(null)
  const idKey = ids.join()
  const wanted = ['', ...open].filter((folder) => !folders.has(folder)).join('\n')
  const isWanted = !folders.has('') || wanted !== ''
  // biome-ignore lint/correctness/useExhaustiveDependencies: other runs begin anew
  useEffect(() => setFolders(new Map()), [idKey])
  useEffect(() => {
    if (!isWanted) return
    let isCurrent = true
    const load = async (folder: string) => {
      const lists = await Promise.all(
        idKey.split(',').map(async (id) => {
          const nodes = await all(
            async (after) =>
              (await ask(ComparedFolderDocument, { id, folder, first: PAGE, after })).run
                ?.artifacts,
          )
          return [id, nodes.map(toEntry)] as const
        }),
      )
      if (isCurrent) setFolders((before) => new Map(before).set(folder, new Map(lists)))
    }
    Promise.all(wanted.split('\n').map(load)).catch(
      (cause) => isCurrent && setError(toApiError(cause)),
    )
    return () => {
      isCurrent = false
    }
  }, [idKey, wanted, isWanted])
  const toggle = (path: string) => {
    const next = new Set(open)
    if (!next.delete(path)) next.add(path)
    setOpen(next)
  }
  return { folders, open, toggle, error }
}
