// The metric keys of a run: all of them by name, however many, without their values.
import { useCallback, useEffect, useRef, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { RunMetricsDocument, type RunMetricsQuery } from '#api/generated.ts'

const PAGE = 500
const REFRESH_MS = 1_500

interface RunMetrics {
  keys: string[] | undefined
  error: ApiError | null
  refresh(): void
}

export function useRunMetrics(id: string): RunMetrics {
  const [keys, setKeys] = useState<string[]>()
  const [error, setError] = useState<ApiError | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const isCurrent = useRef(true)
  const load = useCallback(async () => {
    try {
      const found: string[] = []
      let after: string | null = null
      do {
        const { run }: RunMetricsQuery = await ask(RunMetricsDocument, { id, first: PAGE, after })
        found.push(...(run?.metrics.nodes ?? []).map((metric) => metric.key))
        after = run?.metrics.pageInfo.hasNextPage ? (run.metrics.pageInfo.endCursor ?? null) : null
        if (!isCurrent.current) return
        // The first page is drawn while the rest is on its way.
        const shown = [...found]
        setKeys((before) =>
          before && before.length >= shown.length && after ? before : keep(before, shown),
        )
      } while (after)
      setError(null)
    } catch (cause) {
      if (isCurrent.current) setError(toApiError(cause))
    }
  }, [id])
  useEffect(() => {
    isCurrent.current = true
    void load()
    return () => {
      isCurrent.current = false
      clearTimeout(timer.current)
      timer.current = undefined
    }
  }, [load])
  const refresh = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      void load()
    }, REFRESH_MS)
  }, [load])
  return { keys, error, refresh }
}

function keep(before: string[] | undefined, after: string[]): string[] {
  return before?.join('\n') === after.join('\n') ? before : after
}
