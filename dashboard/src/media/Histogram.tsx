// One histogram as bars.
import type { ReactElement } from 'react'
import { formatCount, formatValue } from '#lib/format.ts'

interface HistogramProps {
  edges: ArrayLike<number>
  counts: ArrayLike<number>
  /** Numbers that have no place between the edges. */
  apart: number
}

export function Histogram({ edges, counts, apart }: HistogramProps): ReactElement {
  const all = Array.from(counts)
  const [low, high] = [edges[0] ?? 0, edges[edges.length - 1] ?? 1]
  // Bins may be of different widths: the area is the count.
  const heights = all.map((count, bin) => {
    const width = ((edges[bin + 1] ?? 0) - (edges[bin] ?? 0)) / (high - low || 1)
    return width > 0 ? count / width : 0
  })
  const most = Math.max(...heights, 1e-300)
  return (
    <div className="histogram">
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="Histogram">
        {heights.map((height, bin) => {
          const x = (100 * ((edges[bin] ?? 0) - low)) / (high - low || 1)
          const end = (100 * ((edges[bin + 1] ?? 0) - low)) / (high - low || 1)
          const y = 100 - (100 * height) / most
          return (
            <rect key={x} x={x} y={y} width={Math.max(0.1, end - x)} height={100 - y}>
              <title>
                {`${formatValue(edges[bin] ?? 0)} to ${formatValue(edges[bin + 1] ?? 0)}: ${formatCount(all[bin] ?? 0)}`}
              </title>
            </rect>
          )
        })}
      </svg>
      <p className="heat-x muted tabular">
        <span>{formatValue(low, 3)}</span>
        <span>
          {formatCount(all.reduce((sum, count) => sum + count, 0))}
          {apart > 0 && `, ${formatCount(apart)} NaN or infinite`}
        </span>
        <span>{formatValue(high, 3)}</span>
      </p>
    </div>
  )
}
