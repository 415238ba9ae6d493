// Which params tell something of a metric: how much of its variance, and in which direction.
import type { ReactElement } from 'react'
import { ask } from '#api/client.ts'
import { ExploreImportanceDocument } from '#api/generated.ts'
import { toValue } from '#lib/columns.ts'
import { formatCount, formatValue } from '#lib/format.ts'
import { useFetched } from './data.ts'
import { FieldPicker, Frame } from './Frame.tsx'
import type { PanelProps } from './panel.ts'

export default function Importance(props: PanelProps): ReactElement {
  const { scope, axes, numeric, onAxes } = props
  const metrics = numeric.filter((field) => field.startsWith('metrics.'))
  const metric = axes[0] ?? metrics[0] ?? ''
  const { data, error } = useFetched(
    async (signal) =>
      metric
        ? (await ask(ExploreImportanceDocument, { ...scope, metric }, signal)).paramImportance
        : [],
    JSON.stringify([scope, metric, props.version]),
  )
  return (
    <Frame
      error={error}
      isLoading={!data}
      note="share of the variance between a param’s values; correlation"
      controls={
        <FieldPicker
          label="of"
          value={metric}
          fields={metrics}
          onField={(field) => onAxes([field])}
        />
      }
    >
      {data?.length === 0 && (
        <p className="empty muted">No param varies among the runs that have this metric.</p>
      )}
      <div className="panel-bars" role="list" aria-label="Importance of params">
        {data?.map(({ param, importance, correlation, runs }) => {
          const r = correlation === null || correlation === undefined ? null : toValue(correlation)
          return (
            <div
              key={param}
              className="panel-bar"
              role="listitem"
              title={`${param}: ${importance}, correlation ${r ?? 'none'}, ${formatCount(runs)} runs`}
            >
              <span className="clip">{param}</span>
              <span className="bar-track">
                <i
                  style={{ left: 0, width: `${100 * importance}%`, background: 'var(--accent)' }}
                />
              </span>
              <span className="tabular right">{formatValue(importance, 3)}</span>
              <span className="muted tabular right">{r === null ? '' : formatValue(r, 2)}</span>
            </div>
          )
        })}
      </div>
    </Frame>
  )
}
