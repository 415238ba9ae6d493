// A run's colour beside its name, striped as its curve is dashed.
import type { ReactElement } from 'react'
import { DASHES } from '#lib/palette.ts'
import { runColor } from './colors.ts'

export function Swatch({ runId, twin }: { runId: string; twin: number }): ReactElement {
  const dash = DASHES[twin % DASHES.length] ?? []
  if (dash.length === 0) {
    return <i className="swatch" style={{ background: runColor(runId) }} aria-hidden="true" />
  }
  // Shrunk, so that the pattern is seen whole.
  const scale =
    14 /
    Math.max(
      14,
      dash.reduce((sum, length) => sum + length, 0),
    )
  return (
    <svg className="swatch dashed" viewBox="0 0 14 8" aria-hidden="true">
      <path
        d="M0 4H14"
        stroke={runColor(runId)}
        strokeDasharray={dash.map((length) => length * scale).join(' ')}
      />
    </svg>
  )
}
