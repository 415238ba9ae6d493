// The panels over all runs that the table finds; loaded when one is first opened.
import { lazy, type ReactElement, Suspense } from 'react'
import { Skeleton } from '#ui/Skeleton.tsx'
import type { PanelProps } from './panel.ts'

const KINDS = {
  scatter: lazy(() => import('./Scatter.tsx')),
  bars: lazy(() => import('./Bars.tsx')),
  parallel: lazy(() => import('./Parallel.tsx')),
  importance: lazy(() => import('./Importance.tsx')),
  groups: lazy(() => import('./Groups.tsx')),
}

export type PanelKind = keyof typeof KINDS

export function Panel({ kind, ...props }: PanelProps & { kind: PanelKind }): ReactElement {
  const Kind = KINDS[kind]
  return (
    <Suspense fallback={<Skeleton rows={6} height={28} />}>
      <Kind key={kind} {...props} />
    </Suspense>
  )
}
