// The mean curve of each group with what lies around it, one card for each metric.
import { type ReactElement, useCallback, useEffect, useRef, useState } from 'react'
import { ask } from '#api/client.ts'
import { type CurveBand, ExploreCurvesDocument } from '#api/generated.ts'
import { getInk, groupColor, groupInk } from '#charts/colors.ts'
import { withAir } from '#charts/ticks.ts'
import { decodeIntegers, decodeValues } from '#lib/columns.ts'
import { parseField } from '#lib/fields.ts'
import { formatCount } from '#lib/format.ts'
import { Notice } from '#ui/Notice.tsx'
import { type Scope, useFetched } from './data.ts'
import { FieldPicker } from './Frame.tsx'
import type { PanelProps } from './panel.ts'
import { drawAxes, extent, scaleOf, useCanvas } from './plane.ts'

interface Curve {
  id: string
  name: string
  runs: number
  steps: Float64Array
  mean: Float64Array
  low: Float64Array
  high: Float64Array
}

const BANDS: Record<CurveBand, string> = {
  STD: '± standard deviation',
  SEM: '± standard error',
  MINMAX: 'from least to greatest',
}
const GROUPS = 12
const CARDS = 24

export default function Groups(props: PanelProps): ReactElement {
  const { numeric, by } = props
  const metrics = [
    ...new Set(
      numeric.flatMap((field) => {
        const parsed = parseField(field)
        return parsed?.entity === 'metrics' ? [parsed.key] : []
      }),
    ),
  ]
  const [band, setBand] = useState<CurveBand>('STD')
  const [limit, setLimit] = useState(CARDS)
  return (
    <section className="panel">
      <div className="panel-controls">
        <FieldPicker
          label="band"
          value={BANDS[band]}
          fields={Object.values(BANDS)}
          onField={(text) =>
            setBand(
              (Object.keys(BANDS) as CurveBand[]).find((each) => BANDS[each] === text) ?? 'STD',
            )
          }
        />
        <span className="muted panel-note">
          {by.length ? `the ${GROUPS} largest groups` : 'all runs found'}
        </span>
      </div>
      <div className="grid">
        {metrics.slice(0, limit).map((metric) => (
          <GroupCard key={metric} {...props} metric={metric} band={band} />
        ))}
      </div>
      {metrics.length > limit && (
        <button type="button" className="more" onClick={() => setLimit(limit + CARDS)}>
          Show {Math.min(CARDS, metrics.length - limit)} more of{' '}
          {formatCount(metrics.length - limit)}
        </button>
      )}
    </section>
  )
}

interface GroupCardProps extends PanelProps {
  metric: string
  band: CurveBand
}

function GroupCard({ scope, by, metric, band, version }: GroupCardProps): ReactElement {
  const card = useRef<HTMLElement>(null)
  const isSeen = useOnceSeen(card)
  const { data, error } = useFetched(
    async (signal) => (isSeen ? fetchCurves(scope, by, metric, band, signal) : undefined),
    JSON.stringify([scope, by, metric, band, version, isSeen]),
  )
  const draw = useCallback(
    (ctx: CanvasRenderingContext2D, width: number, height: number) => {
      if (data) paint(ctx, width, height, data)
      return undefined
    },
    [data],
  )
  const canvas = useCanvas(draw)
  return (
    <article ref={card} className="card group-card" aria-label={metric}>
      <header>
        <h3 title={metric}>{metric}</h3>
      </header>
      <div className="card-body surface">
        <canvas ref={canvas} aria-label={`Mean of ${metric} by group`} />
        {data?.length === 0 && <p className="muted hint">Not logged by these runs</p>}
      </div>
      {error && <Notice title="The curves could not be loaded" trouble={error} />}
      <div className="legend">
        {data?.map(({ id, name, runs }) => (
          <span key={id} className="clip" title={`${name}, ${formatCount(runs)} runs`}>
            <i className="swatch" style={{ background: groupColor(id) }} /> {name}{' '}
            <small className="muted tabular">{formatCount(runs)}</small>
          </span>
        ))}
      </div>
    </article>
  )
}

async function fetchCurves(
  scope: Scope,
  by: readonly string[],
  key: string,
  band: CurveBand,
  signal: AbortSignal,
): Promise<Curve[]> {
  const variables = { ...scope, by: [...by], key, band, groups: GROUPS }
  const { groupCurves } = await ask(ExploreCurvesDocument, variables, signal)
  return groupCurves.map((curve) => ({
    id: JSON.stringify(curve.values),
    name: curve.values.map((value) => value ?? 'none').join(' · ') || 'all runs',
    runs: curve.runs,
    steps: decodeIntegers(curve.steps),
    mean: decodeValues(curve.mean),
    low: decodeValues(curve.low),
    high: decodeValues(curve.high),
  }))
}

function paint(
  ctx: CanvasRenderingContext2D,
  width: number,
  height: number,
  curves: readonly Curve[],
): void {
  if (!curves.length) return
  const box = { left: 48, right: width - 10, top: 8, bottom: height - 22 }
  const all = (name: 'steps' | 'mean' | 'low' | 'high') =>
    curves.map((curve) => extent(curve[name]))
  const ends = (['mean', 'low', 'high'] as const).flatMap((name) => all(name).flat())
  const x = scaleOf(spread(extent(all('steps').flat())), [box.left, box.right])
  const y = scaleOf(withAir(...extent(ends), false), [box.bottom, box.top])
  drawAxes(ctx, box, x, y, [false, false])
  for (const { id, steps, mean, low, high } of curves) {
    ctx.fillStyle = groupInk(id)
    ctx.strokeStyle = groupInk(id)
    ctx.globalAlpha = 0.16
    ctx.fill(bandPath(steps, low, high, x.toPixel, y.toPixel))
    ctx.globalAlpha = 1
    ctx.lineWidth = 1.5
    const line = new Path2D()
    let isDown = false
    for (let at = 0; at < steps.length; at++) {
      const value = mean[at] ?? Number.NaN
      if (Number.isFinite(value)) {
        if (isDown) line.lineTo(x.toPixel(steps[at] ?? 0), y.toPixel(value))
        else line.moveTo(x.toPixel(steps[at] ?? 0), y.toPixel(value))
      }
      isDown = Number.isFinite(value)
    }
    ctx.stroke(line)
    if (steps.length === 1) {
      ctx.fillRect(x.toPixel(steps[0] ?? 0) - 3, y.toPixel(mean[0] ?? 0) - 3, 6, 6)
    }
  }
  ctx.fillStyle = getInk().text
}

function spread([low, high]: [number, number]): [number, number] {
  return low < high ? [low, high] : [low - 1, low + 1]
}

function bandPath(
  steps: Float64Array,
  low: Float64Array,
  high: Float64Array,
  toX: (value: number) => number,
  toY: (value: number) => number,
): Path2D {
  const path = new Path2D()
  let start = 0
  // A band breaks where there is only one run.
  for (let at = 0; at <= steps.length; at++) {
    const isThere = at < steps.length && Number.isFinite((low[at] ?? Number.NaN) + (high[at] ?? 0))
    if (isThere) continue
    for (let index = start; index < at; index++) {
      const [left, top] = [toX(steps[index] ?? 0), toY(high[index] ?? 0)]
      if (index === start) path.moveTo(left, top)
      else path.lineTo(left, top)
    }
    for (let index = at - 1; index >= start; index--) {
      path.lineTo(toX(steps[index] ?? 0), toY(low[index] ?? 0))
    }
    start = at + 1
  }
  return path
}

function useOnceSeen(card: { current: HTMLElement | null }): boolean {
  const [isSeen, setSeen] = useState(false)
  useEffect(() => {
    if (!card.current) return
    const seen = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) setSeen(true)
    })
    seen.observe(card.current)
    return () => seen.disconnect()
  }, [card])
  return isSeen
}
