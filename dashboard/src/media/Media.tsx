// Pictures, sounds, tables, texts, pages and histograms of runs, all at one step.

import { type ReactElement, useMemo, useRef, useState } from 'react'
import type { ValueKind } from '#api/generated.ts'
import { Swatch } from '#charts/Swatch.tsx'
import { formatCount } from '#lib/format.ts'
import { twins } from '#lib/palette.ts'
import { Beginning } from '#ui/Beginning.tsx'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { SearchField } from '#ui/SearchField.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { HeatMap } from './HeatMap.tsx'
import { cellName, useKeysOfRuns, useValuesAt } from './load.ts'
import { type KeyOfRuns, mergeKeys, mergeSteps, placeOf } from './series.ts'
import { type Cell, Value } from './Value.tsx'
import './media.css'

export interface MediaRun {
  id: string
  name: string
}

interface MediaProps {
  runs: readonly MediaRun[]
  isLive: boolean
  /** Null is the last. */
  step: number | null
  onStep(step: number | null): void
}

const [SHOWN_KEYS, SHOWN_PLACES] = [20, 24]

const WORDS: Record<ValueKind, string> = {
  IMAGE: 'Images',
  AUDIO: 'Audio',
  VIDEO: 'Video',
  TABLE: 'Tables',
  TEXT: 'Texts',
  HTML: 'Pages',
  FIGURE: 'Figures',
  HISTOGRAM: 'Histograms',
}

export default function Media({ runs, isLive, step, onStep }: MediaProps): ReactElement {
  const [search, setSearch] = useState('')
  const [kind, setKind] = useState<ValueKind | null>(null)
  const [limit, setLimit] = useState(SHOWN_KEYS)
  const [places, setPlaces] = useState(SHOWN_PLACES)
  const field = useRef<HTMLInputElement>(null)
  const ids = useMemo(() => runs.map((run) => run.id), [runs])
  const { series, version, error } = useKeysOfRuns(ids, search.trim(), isLive)
  const keys = useMemo(() => mergeKeys(series ?? []), [series])
  const kinds = useMemo(() => [...new Set(keys.map((each) => each.kind))].sort(), [keys])
  const steps = useMemo(() => mergeSteps(series ?? []), [series])
  const found = kind && kinds.includes(kind) ? keys.filter((each) => each.kind === kind) : keys
  const shown = found.slice(0, limit)
  const names = useMemo(() => shown.map((each) => each.key), [shown])
  const place = placeOf(steps, step)
  const at = steps[place] ?? 0
  const { cells, isLoading, error: failed } = useValuesAt(ids, names, step, places, version)
  const go = (next: number) => {
    const bounded = Math.min(steps.length - 1, Math.max(0, next))
    // The last step goes on being the last while the run goes on.
    onStep(bounded === steps.length - 1 ? null : (steps[bounded] ?? null))
  }
  const latest = useRef({ go, place })
  latest.current = { go, place }
  const shortcuts = useMemo<Shortcut[]>(() => {
    const by = (distance: number) => () => latest.current.go(latest.current.place + distance)
    return [
      { key: '/', label: 'Search media', run: () => field.current?.select() },
      { key: 'ArrowLeft', label: 'The step before', run: by(-1) },
      { key: 'ArrowRight', label: 'The next step', run: by(1) },
    ]
  }, [])
  useShortcuts('Media', shortcuts, true)
  if (error && !series) return <Notice title="The media could not be loaded" trouble={error} />
  if (!series) return <Skeleton rows={8} />
  if (keys.length === 0 && !search) {
    return (
      <Beginning
        title="No pictures, sounds, tables, texts or histograms are logged."
        code={PYTHON}
      />
    )
  }
  return (
    <section className="media" aria-label="Media">
      <div className="toolbar">
        <SearchField
          field={field}
          label="Search media"
          placeholder="Keys…"
          value={search}
          onChange={setSearch}
        />
        {kinds.length > 1 && (
          <fieldset className="segments" aria-label="Kind">
            {[null, ...kinds].map((each) => (
              <button
                key={String(each)}
                type="button"
                aria-pressed={each === kind}
                onClick={() => setKind(each)}
              >
                {each ? WORDS[each] : 'All'}
              </button>
            ))}
          </fieldset>
        )}
        {steps.length > 1 && (
          <label className="slider media-slider">
            Step
            <input
              type="range"
              aria-label="Step"
              min={0}
              max={steps.length - 1}
              value={place}
              onChange={(event) => go(Number(event.target.value))}
              aria-valuetext={`step ${at}`}
            />
            <output className="tabular">{formatCount(at)}</output>
          </label>
        )}
      </div>
      {failed && <Notice title="Some could not be loaded" trouble={failed} />}
      <div className="media-body">
        {found.length === 0 && <p className="empty muted">No key matches “{search}”.</p>}
        {shown.map((each) => (
          <KeySection
            key={`${each.key} ${each.kind}`}
            of={each}
            runs={runs}
            cells={cells}
            isLoading={isLoading}
            step={at}
            version={version}
            onStep={(next) => go(placeOf(steps, next))}
            onAll={() => setPlaces(1_000)}
          />
        ))}
        {found.length > limit && (
          <button type="button" className="more" onClick={() => setLimit(limit + SHOWN_KEYS)}>
            Show {Math.min(SHOWN_KEYS, found.length - limit)} more of{' '}
            {formatCount(found.length - limit)}
          </button>
        )}
      </div>
    </section>
  )
}

const PYTHON = `import trackql

with trackql.start_run() as run:
    run.log({"samples": [trackql.Image(array, caption="epoch 1")]}, step=1)
    run.log({"weights": trackql.Histogram(values)}, step=1)
    run.log({"scores": trackql.Table({"text": ["a", "b"], "score": [0.1, 0.9]})}, step=1)`

interface KeySectionProps {
  of: KeyOfRuns
  runs: readonly MediaRun[]
  cells: ReadonlyMap<string, Cell>
  isLoading: boolean
  step: number
  version: number
  onStep(step: number): void
  onAll(): void
}

function KeySection(props: KeySectionProps): ReactElement {
  const { of, runs, cells, isLoading, step, version, onStep, onAll } = props
  const [isOpen, setOpen] = useState(true)
  const [isMap, setMap] = useState(of.kind === 'HISTOGRAM')
  const marks = twins(runs.map((run) => run.id))
  return (
    <section className="media-key" aria-label={of.key}>
      <h2>
        <button
          type="button"
          className="section-head"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          <Icon name="chevron" />
          {of.key}
          <span className="muted">
            {WORDS[of.kind].toLowerCase()}, {formatCount(of.count)}
          </span>
        </button>
        {of.kind === 'HISTOGRAM' && isOpen && (
          <span className="segments small">
            <button type="button" aria-pressed={isMap} onClick={() => setMap(true)}>
              over steps
            </button>
            <button type="button" aria-pressed={!isMap} onClick={() => setMap(false)}>
              at the step
            </button>
          </span>
        )}
      </h2>
      {isOpen && (
        <div className={runs.length > 1 ? 'media-runs several' : 'media-runs'}>
          {runs.map((run) => {
            const cell = cells.get(cellName(run.id, of.key))
            return (
              <div key={run.id} className="media-run">
                {runs.length > 1 && (
                  <p className="run-name">
                    <Swatch runId={run.id} twin={marks.get(run.id) ?? 0} />
                    <span className="clip">{run.name}</span>
                    {cell && cell.step !== step && (
                      <span className="muted tabular">step {formatCount(Number(cell.step))}</span>
                    )}
                  </p>
                )}
                {isMap ? (
                  <HeatMap
                    runId={run.id}
                    runKey={of.key}
                    step={step}
                    version={version}
                    onStep={onStep}
                  />
                ) : cell ? (
                  <Values cell={cell} onAll={onAll} />
                ) : isLoading ? (
                  <Skeleton rows={3} />
                ) : (
                  <p className="muted hint">Nothing up to this step</p>
                )}
              </div>
            )
          })}
        </div>
      )}
    </section>
  )
}

function Values({ cell, onAll }: { cell: Cell; onAll(): void }): ReactElement {
  return (
    <>
      <div className={`values ${cell.kind.toLowerCase()}`}>
        {cell.values.map((value) => (
          <Value key={`${value.step} ${value.place}`} runId={cell.runId} value={value} />
        ))}
      </div>
      {cell.total > cell.values.length && (
        <button type="button" className="more" onClick={onAll}>
          Show all {formatCount(cell.total)}
        </button>
      )}
    </>
  )
}
