// A bar for each group of runs: the mean of a field, with its spread.
import { Fragment, type ReactElement } from 'react'
import { groupColor } from '#charts/colors.ts'
import { isCondition } from '#lib/filters.ts'
import { formatCount, formatValue } from '#lib/format.ts'
import { type Bar, fetchBars, useFetched } from './data.ts'
import { FieldPicker, Frame, nameOf } from './Frame.tsx'
import type { PanelProps } from './panel.ts'

export default function Bars(props: PanelProps): ReactElement {
  const { scope, axes, by, numeric, fields, onAxes, onFilter } = props
  const measures = numeric.filter((field) => field.startsWith('metrics.') || field === 'duration')
  const groupable = fields.filter((field) => !measures.includes(field) && !/_time$/.test(field))
  const measure = axes[0] ?? measures[0] ?? 'duration'
  const grouped = axes[1] ? [axes[1]] : by.length ? by : groupable.slice(0, 1)
  const { data, error } = useFetched(
    (signal) => fetchBars(scope, grouped, measure, signal),
    JSON.stringify([scope, measure, grouped, props.version]),
  )
  const ends = data?.bars.map(({ mean, std }) => [
    (mean ?? 0) - (std ?? 0),
    (mean ?? 0) + (std ?? 0),
  ])
  const low = Math.min(0, ...(ends?.map(([from = 0]) => from) ?? []))
  const high = Math.max(0, ...(ends?.map(([, to = 0]) => to) ?? []))
  const toShare = (value: number) => (100 * (value - low)) / (high - low || 1)
  return (
    <Frame
      error={error}
      isLoading={!data}
      note={
        data && data.total > data.bars.length
          ? `the first ${data.bars.length} of ${formatCount(data.total)} groups`
          : data && `${formatCount(data.total)} groups`
      }
      controls={
        <>
          <FieldPicker
            label="mean of"
            value={measure}
            fields={measures}
            onField={(field) => onAxes([field, ...axes.slice(1)])}
          />
          <FieldPicker
            label="by"
            value={grouped.length === 1 ? (grouped[0] ?? '') : ''}
            fields={grouped.length > 1 ? ['', ...groupable] : groupable}
            onField={(field) => onAxes(field ? [measure, field] : [measure])}
          />
        </>
      }
    >
      <div className="panel-bars" role="list" aria-label={`${nameOf(measure)} by group`}>
        {data?.bars.map((bar) => (
          <Fragment key={JSON.stringify(bar.values)}>
            <BarLine
              bar={bar}
              toShare={toShare}
              onFilter={() =>
                onFilter(grouped.map((field, at) => isCondition(field, bar.values[at] ?? null)))
              }
            />
          </Fragment>
        ))}
      </div>
    </Frame>
  )
}

interface BarLineProps {
  bar: Bar
  toShare(value: number): number
  onFilter(): void
}

function BarLine({ bar, toShare, onFilter }: BarLineProps): ReactElement {
  const name = bar.values.map((value) => value ?? 'none').join(' · ')
  const [zero, mean] = [toShare(0), toShare(bar.mean ?? 0)]
  const spread = bar.std === null ? 0 : toShare(bar.std) - toShare(0)
  const text =
    bar.mean === null
      ? 'none'
      : `${formatValue(bar.mean, 4)}${bar.std === null ? '' : ` ± ${formatValue(bar.std, 2)}`}`
  return (
    <div className="panel-bar" role="listitem" title={`${name}: ${text}, n ${formatCount(bar.n)}`}>
      <button type="button" className="clip" title={`Filter to ${name}`} onClick={onFilter}>
        {name}
      </button>
      <span className="bar-track">
        <i
          style={{
            left: `${Math.min(zero, mean)}%`,
            width: `${Math.abs(mean - zero)}%`,
            background: groupColor(JSON.stringify(bar.values)),
          }}
        />
        {bar.std !== null && (
          <i
            className="bar-spread"
            style={{ left: `${mean - spread}%`, width: `${2 * spread}%` }}
          />
        )}
      </span>
      <span className="tabular right">{text}</span>
      <span className="muted tabular right">{formatCount(bar.n)}</span>
    </div>
  )
}
