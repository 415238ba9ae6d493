// Histograms of a key along its steps, as colours; the step that is looked at is marked.
import {
  type PointerEvent,
  type ReactElement,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { HistogramStepsDocument } from '#api/generated.ts'
import { decodeIntegers, decodeValues } from '#lib/columns.ts'
import { formatCount, formatValue } from '#lib/format.ts'
import { useTheme } from '#lib/theme.ts'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { type Columns, toHeat } from './heat.ts'

const [MAX_STEPS, ROWS] = [200, 64]

interface Loaded extends Columns {
  low: number
  high: number
}

interface HeatMapProps {
  runId: string
  runKey: string
  step: number
  /** Grows when more was logged. */
  version: number
  onStep(step: number): void
}

export function HeatMap({ runId, runKey, step, version, onStep }: HeatMapProps): ReactElement {
  const [loaded, setLoaded] = useState<Loaded | null | undefined>(undefined)
  const [error, setError] = useState<ApiError | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when more was logged
  useEffect(() => {
    let isCurrent = true
    ask(HistogramStepsDocument, { runId, key: runKey, maxSteps: MAX_STEPS })
      .then(({ histogramSeries: found }) => {
        if (!isCurrent) return
        setError(null)
        setLoaded(
          found && {
            steps: decodeIntegers(found.steps),
            bins: decodeIntegers(found.bins),
            edges: decodeValues(found.edges),
            counts: decodeValues(found.counts),
            low: found.min ?? 0,
            high: found.max ?? 1,
          },
        )
      })
      .catch((cause) => isCurrent && setError(toApiError(cause)))
    return () => {
      isCurrent = false
    }
  }, [runId, runKey, version])
  if (error) return <Notice title="The histograms could not be loaded" trouble={error} />
  if (loaded === undefined) return <Skeleton rows={4} />
  if (loaded === null) return <p className="muted hint">None logged</p>
  return <Heat loaded={loaded} step={step} onStep={onStep} name={runKey} />
}

interface HeatProps {
  loaded: Loaded
  step: number
  name: string
  onStep(step: number): void
}

function Heat({ loaded, step, name, onStep }: HeatProps): ReactElement {
  const canvas = useRef<HTMLCanvasElement>(null)
  const theme = useTheme()
  const [width, setWidth] = useState(0)
  const [tip, setTip] = useState<{ x: number; text: string } | null>(null)
  const { steps, low, high } = loaded
  const heat = useMemo(() => toHeat(loaded, low, high, ROWS), [loaded, low, high])
  useLayoutEffect(() => {
    const element = canvas.current
    if (!element) return
    const watch = new ResizeObserver(() => setWidth(element.clientWidth))
    watch.observe(element)
    return () => watch.disconnect()
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes the colours
  useLayoutEffect(() => {
    const element = canvas.current
    const context = element?.getContext('2d')
    if (!element || !context || !width) return
    const scale = devicePixelRatio
    element.width = width * scale
    element.height = element.clientHeight * scale
    const [column, row] = [element.width / steps.length, element.height / ROWS]
    context.fillStyle = getComputedStyle(element).color
    for (let at = 0; at < heat.length; at++) {
      const share = heat[at] ?? 0
      if (share === 0) continue
      context.globalAlpha = 0.08 + 0.92 * share ** 0.7
      const [x, y] = [Math.floor(at / ROWS), at % ROWS]
      const left = Math.floor(x * column)
      const top = Math.floor((ROWS - 1 - y) * row)
      context.fillRect(
        left,
        top,
        Math.ceil((x + 1) * column) - left,
        Math.ceil((ROWS - y) * row) - top,
      )
    }
  }, [heat, width, steps, theme])
  const columnAt = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect()
    const share = Math.min(0.9999, Math.max(0, (event.clientX - box.left) / box.width))
    const row = 1 - (event.clientY - box.top) / box.height
    return { at: Math.floor(share * steps.length), value: low + row * (high - low), share }
  }
  let marked = -1
  for (let at = 0; at < steps.length; at++) if ((steps[at] ?? 0) <= step) marked = at
  return (
    <div className="heat">
      <span className="heat-y muted tabular">{formatValue(high, 3)}</span>
      <div
        className="heat-map"
        role="img"
        aria-label={`Histograms of ${name} along its steps`}
        onPointerMove={(event) => {
          const { at, value, share } = columnAt(event)
          setTip({
            x: share,
            text: `step ${formatCount(steps[at] ?? 0)}, ${formatValue(value, 4)}`,
          })
        }}
        onPointerLeave={() => setTip(null)}
        onPointerDown={(event) => onStep(steps[columnAt(event).at] ?? 0)}
      >
        <canvas ref={canvas} />
        {marked >= 0 && (
          <i className="heat-mark" style={{ left: `${(100 * (marked + 0.5)) / steps.length}%` }} />
        )}
        {tip && (
          <span
            className="tip heat-tip tabular"
            style={tip.x < 0.5 ? { left: `${tip.x * 100}%` } : { right: `${(1 - tip.x) * 100}%` }}
          >
            {tip.text}
          </span>
        )}
      </div>
      <span className="heat-y low muted tabular">{formatValue(low, 3)}</span>
      <span className="heat-x muted tabular">
        <span>{formatCount(steps[0] ?? 0)}</span>
        <span>{formatCount(steps[steps.length - 1] ?? 0)}</span>
      </span>
    </div>
  )
}
