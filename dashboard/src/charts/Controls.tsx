// One bar for all charts of a page: which metrics, which x, how smooth, which scales.
import { type ReactElement, useEffect, useRef, useState } from 'react'
import type { Axis, ChartView } from '#lib/view.ts'
import { Icon } from '#ui/icons.tsx'

interface ControlsProps {
  view: ChartView
  onView(change: Partial<ChartView>): void
  /** How many metrics the search leaves. */
  shown: number
  total: number
  /** Undefined while nothing is arranged. */
  onReset: (() => void) | undefined
}

const AXES: readonly [Axis, string, string][] = [
  ['step', 'Step', 'The step each value was logged with'],
  ['relative', 'Relative', 'Time since the run started'],
  ['time', 'Time', 'Time of day'],
]

export function Controls(props: ControlsProps): ReactElement {
  const { view, onView, shown, total, onReset } = props
  return (
    <div className="controls">
      <MetricSearch value={view.keys} onChange={(keys) => onView({ keys })} />
      <span className="muted tabular count" title="Metrics shown, of all there are">
        {view.keys ? `${shown} of ${total}` : total}
      </span>
      <fieldset className="segments">
        <legend className="visually-hidden">Horizontal axis</legend>
        {AXES.map(([axis, label, help]) => (
          <button
            key={axis}
            type="button"
            title={help}
            aria-pressed={view.x === axis}
            onClick={() => onView({ x: axis, zoom: null })}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <Smoothing value={view.smooth} onChange={(smooth) => onView({ smooth })} />
      <fieldset className="segments">
        <legend className="visually-hidden">Scales</legend>
        <button
          type="button"
          title="Logarithmic x axis"
          aria-pressed={view.logX}
          onClick={() => onView({ logX: !view.logX })}
        >
          log x
        </button>
        <button
          type="button"
          title="Logarithmic y axis"
          aria-pressed={view.logY}
          onClick={() => onView({ logY: !view.logY })}
        >
          log y
        </button>
        <button
          type="button"
          title="Leave the outermost 2% of values out of the vertical range"
          aria-pressed={view.clip}
          onClick={() => onView({ clip: !view.clip })}
        >
          clip
        </button>
      </fieldset>
      {view.zoom && (
        <button type="button" className="chip" onClick={() => onView({ zoom: null })}>
          Zoomed <Icon name="close" />
          <span className="visually-hidden">Show everything again</span>
        </button>
      )}
      {onReset && (
        <button
          type="button"
          className="quiet"
          title="All charts back in their first order and size, none pinned"
          onClick={onReset}
        >
          Reset layout
        </button>
      )}
    </div>
  )
}

function MetricSearch({
  value,
  onChange,
}: {
  value: string
  onChange(text: string): void
}): ReactElement {
  const [text, setText] = useDraft(value, onChange, 150)
  return (
    <label className="search">
      <Icon name="search" />
      <input
        type="search"
        placeholder="Metrics…"
        aria-label="Search metrics: text, or an expression such as loss$"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </label>
  )
}

function Smoothing({
  value,
  onChange,
}: {
  value: number
  onChange(smooth: number): void
}): ReactElement {
  const [smooth, setSmooth] = useDraft(value, onChange, 120)
  return (
    <label
      className="slider"
      title="Moving average over the whole series; the raw curve stays faint"
    >
      <span>Smooth</span>
      <input
        type="range"
        min={0}
        max={0.99}
        step={0.01}
        value={smooth}
        aria-label="Smoothing"
        onChange={(event) => setSmooth(Number(event.target.value))}
      />
      <output className="tabular">{smooth.toFixed(2)}</output>
    </label>
  )
}

/** What is typed or dragged shows at once and counts once it rests. */
function useDraft<T>(
  value: T,
  onChange: (value: T) => void,
  restMs: number,
): [T, (value: T) => void] {
  const [draft, setDraft] = useState(value)
  const latest = useRef(onChange)
  latest.current = onChange
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => setDraft(value), [value])
  useEffect(() => () => clearTimeout(timer.current), [])
  return [
    draft,
    (next) => {
      setDraft(next)
      clearTimeout(timer.current)
      timer.current = setTimeout(() => latest.current(next), restMs)
    },
  ]
}
