// A run's status as a dot and a word, and its duration, which ticks while it runs.
import { type ReactElement, useEffect, useReducer } from 'react'
import { formatDuration } from '#lib/format.ts'

export type StatusName = 'SCHEDULED' | 'RUNNING' | 'STALLED' | 'FINISHED' | 'FAILED' | 'KILLED'

const WORDS: Record<StatusName, string> = {
  SCHEDULED: 'Scheduled',
  RUNNING: 'Running',
  STALLED: 'Stalled',
  FINISHED: 'Finished',
  FAILED: 'Failed',
  KILLED: 'Killed',
}

export function Status({ status, bare }: { status: StatusName; bare?: boolean }): ReactElement {
  return (
    <span className={`status ${status.toLowerCase()}`} title={bare ? WORDS[status] : undefined}>
      <i className="status-dot" aria-hidden="true" />
      <span className={bare ? 'visually-hidden' : undefined}>{WORDS[status]}</span>
    </span>
  )
}

interface DurationProps {
  ms: number
  /** When the server said so: what ticks is added to its answer, whatever this machine's clock. */
  at: number
  ticking: boolean
}

export function Duration({ ms, at, ticking }: DurationProps): ReactElement {
  const [, tick] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    if (!ticking) return
    const timer = setInterval(tick, 1000)
    return () => clearInterval(timer)
  }, [ticking])
  return <>{formatDuration(ticking ? ms + Math.max(0, Date.now() - at) : ms)}</>
}
