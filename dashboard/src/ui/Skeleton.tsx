// The shape of what is coming: it appears after 150 ms, so what comes at once never flickers.
import type { ReactElement } from 'react'

export function Skeleton({
  rows = 6,
  height = 20,
}: {
  rows?: number
  height?: number
}): ReactElement {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <i key={index} style={{ height, width: `${92 - ((index * 17) % 38)}%` }} />
      ))}
    </div>
  )
}
