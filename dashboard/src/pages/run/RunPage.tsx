// One run: what it is, how it stands, what it was given, and its metrics as they come.
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { ask, change, documentText, listen } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { ApiError, toApiError } from '#api/errors.ts'
import {
  RenameRunDocument,
  RunChangedDocument,
  RunDocument,
  type RunHeaderFragment,
  type RunQuery,
} from '#api/generated.ts'
import type { ChartRun } from '#charts/board.ts'
import { Charts, useBoard } from '#charts/Charts.tsx'
import { runColor } from '#charts/colors.ts'
import { formatCount, formatInstant } from '#lib/format.ts'
import { runPython } from '#lib/python.ts'
import { type ChartSearch, type ChartView, fromChartView, toChartView } from '#lib/view.ts'
import { Copy } from '#ui/Copy.tsx'
import { CopyAs } from '#ui/CopyAs.tsx'
import { type Crumb, usePlace } from '#ui/crumbs.ts'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Duration, Status } from '#ui/Status.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { toast } from '#ui/toasts.tsx'
import { Details } from './Details.tsx'
import { useRunMetrics } from './metrics.ts'

const route = getRouteApi('/runs/$runId')

type FullRun = NonNullable<RunQuery['run']>

export function RunPage(): ReactElement {
  const { runId } = route.useParams()
  return <Loaded key={runId} id={runId} />
}

function Loaded({ id }: { id: string }): ReactElement {
  const { run, heard, error, isMissing } = useRun(id)
  if (isMissing) {
    const missing = new ApiError('NOT_FOUND', `There is no run ${id}.`)
    return <Notice title="No such run" trouble={missing} />
  }
  if (!run && error) return <Notice title="The run could not be loaded" trouble={error} />
  if (!run) return <Skeleton rows={10} />
  return <RunView run={run} heard={heard} />
}

function RunView({ run, heard }: { run: FullRun; heard: number }): ReactElement {
  const search = route.useSearch()
  const navigate = useNavigate()
  const crumbs = useMemo<Crumb[]>(
    () => [
      { label: 'Experiments', href: '/' },
      { label: run.experiment.name, href: `/experiments/${run.experiment.id}` },
    ],
    [run.experiment.id, run.experiment.name],
  )
  usePlace(crumbs, run.name)
  const { keys, error } = useRunMetrics(run.id, run.metrics.totalCount)
  const view = useMemo(() => toChartView(search), [search])
  const runs = useMemo<ChartRun[]>(
    () => [{ id: run.id, name: run.name, status: run.status, start: Date.parse(run.startTime) }],
    [run.id, run.name, run.status, run.startTime],
  )
  const board = useBoard(runs, view)
  const onView = useCallback(
    (next: Partial<ChartView>) =>
      void navigate({
        to: '.',
        search: (before: ChartSearch) =>
          ({ ...before, ...fromChartView({ ...view, ...next }) }) as ChartSearch,
        replace: true,
      }),
    [navigate, view],
  )
  return (
    <main className="run">
      <Header run={run} heard={heard} />
      <Problems run={run} />
      <div className="run-body">
        <Details run={run} />
        <div className="charts-pane">
          {error && !keys && <Notice title="The metrics could not be loaded" trouble={error} />}
          <Charts
            board={board}
            place={run.experimentId}
            keys={keys}
            view={view}
            onView={onView}
            empty="No metric is logged yet. Curves appear here as soon as one is."
          />
        </div>
      </div>
    </main>
  )
}

function Header({ run, heard }: { run: FullRun; heard: number }): ReactElement {
  const isTicking = run.status === 'RUNNING'
  const start = Date.parse(run.startTime)
  return (
    <header className="run-head">
      <i className="swatch big" style={{ background: runColor(run.id) }} aria-hidden="true" />
      <Name run={run} />
      <Status status={run.status} />
      <span className="tabular" title="Duration">
        <Duration ms={Number(run.durationMs)} at={heard} ticking={isTicking} />
      </span>
      <span className="muted tabular" title="Started">
        {formatInstant(start)}
      </span>
      {run.user && <span className="muted">{run.user}</span>}
      {run.parent && (
        <span className="muted">
          in{' '}
          <Link to="/runs/$runId" params={{ runId: run.parent.id }}>
            {run.parent.name}
          </Link>
        </span>
      )}
      {run.lifecycle === 'DELETED' && <span className="chip">In the trash</span>}
      <span className="spacer" />
      <Copy text={run.id} label="Copy run id" />
      <CopyAs
        what="the run"
        python={() => runPython(location.origin, run.id)}
        graphql={() => documentText(RunDocument, { id: run.id })}
      />
    </header>
  )
}

/** The name, and a field in its place while it is edited. */
function Name({ run }: { run: FullRun }): ReactElement {
  const [draft, setDraft] = useState<string | null>(null)
  const [shown, setShown] = useState(run.name)
  useEffect(() => setShown(run.name), [run.name])
  const edit = useCallback(() => setDraft(run.name), [run.name])
  const shortcuts = useMemo<Shortcut[]>(
    () => [{ key: 'e', label: 'Rename the run', run: edit }],
    [edit],
  )
  useShortcuts('Run', shortcuts)
  const save = async () => {
    const name = draft?.trim()
    setDraft(null)
    if (!name || name === run.name) return
    setShown(name)
    try {
      await change(RenameRunDocument, { id: run.id, name })
    } catch (cause) {
      setShown(run.name)
      toast(`Not renamed: ${toApiError(cause).message}`)
    }
  }
  if (draft === null) {
    return (
      <h1>
        <button type="button" className="editable" title="Rename (e)" onClick={edit}>
          {shown}
        </button>
      </h1>
    )
  }
  return (
    <input
      className="name-field"
      aria-label="Name of the run"
      value={draft}
      // biome-ignore lint/a11y/noAutofocus: the field replaces what was just activated
      autoFocus
      onFocus={(event) => event.target.select()}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
        if (event.key === 'Escape') setDraft(null)
      }}
    />
  )
}

function Problems({ run }: { run: FullRun }): ReactElement | null {
  const dropped = Number(run.droppedPoints)
  const { problems } = run
  if (dropped === 0 && problems.length === 0) return null
  return (
    <section className="problems" aria-label="Problems">
      {dropped > 0 && (
        <p>
          <strong className="tabular">{formatCount(dropped)} points dropped</strong>: the machine
          that logged them had no room left to keep them until they could be sent.
        </p>
      )}
      {problems.length > 0 && (
        <details>
          <summary>
            {problems.length === 1 ? '1 problem' : `${problems.length} problems`} with what was
            logged
          </summary>
          <ul>
            {problems.map((problem) => (
              <li key={`${problem.time} ${problem.message}`}>
                <code>{problem.code}</code> {problem.message}{' '}
                <span className="muted tabular">{formatInstant(Date.parse(problem.time))}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}

interface LoadedRun {
  run: FullRun | undefined
  /** When the server said how it stands. */
  heard: number
  error: ApiError | null
  isMissing: boolean
}

function useRun(id: string): LoadedRun {
  const [state, setState] = useState<LoadedRun>({
    run: undefined,
    heard: 0,
    error: null,
    isMissing: false,
  })
  const { epoch } = useConnection()
  const again = useRef<ReturnType<typeof setTimeout>>(undefined)
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when the server is back
  useEffect(() => {
    let isCurrent = true
    const load = async () => {
      try {
        const { run } = await ask(RunDocument, { id })
        if (!isCurrent) return
        setState({ run: run ?? undefined, heard: Date.now(), error: null, isMissing: !run })
      } catch (cause) {
        if (!isCurrent) return
        const error = toApiError(cause)
        const isMissing = error.code === 'NOT_FOUND'
        setState((before) => ({ ...before, error, isMissing }))
        if (!isMissing) again.current = setTimeout(load, 3_000)
      }
    }
    void load()
    return () => {
      isCurrent = false
      clearTimeout(again.current)
    }
  }, [id, epoch])
  const isKnown = state.run !== undefined
  useEffect(() => {
    if (!isKnown) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = listen(RunChangedDocument, () => ({ runIds: [id] }), {
      next: ({ runsChanged }) => {
        const changed = runsChanged.runs.find((run) => run.id === id)
        if (!changed) return
        setState((before) => ({ ...before, run: merge(before.run, changed), heard: Date.now() }))
        // Params and tags are asked for again: the news says only how the run stands.
        timer ??= setTimeout(async () => {
          timer = undefined
          try {
            const { run } = await ask(RunDocument, { id })
            if (run) setState((before) => ({ ...before, run, heard: Date.now() }))
          } catch (cause) {
            setState((before) => ({ ...before, error: toApiError(cause) }))
          }
        }, 1_000)
      },
      failed: (error) => setState((before) => ({ ...before, error })),
    })
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [id, isKnown])
  return state
}

function merge(run: FullRun | undefined, changed: RunHeaderFragment): FullRun | undefined {
  return run && { ...run, ...changed }
}
