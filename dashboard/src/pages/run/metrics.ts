// The metric keys of a run: all of them by name, however many, without their values.
import { useEffect, useState } from 'react'
import { ask } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { RunMetricsDocument, type RunMetricsQuery } from '#api/generated.ts'

const PAGE = 500
// Between two looks, the longer the more keys there are.
const PAUSE_MS = 100
const PAUSE_A_KEY_MS = 0.2
const FAILED_MS = 2_000

interface RunMetrics {
  keys: string[] | undefined
  error: ApiError | null
}

/** The keys, asked for again when the server counts another number of them. */
export function useRunMetrics(id: string, count: number): RunMetrics {
  const [loader, setLoader] = useState<Loader | null>(null)
  const [state, setState] = useState<RunMetrics>({ keys: undefined, error: null })
  const { epoch } = useConnection()
  useEffect(() => {
    const made = new Loader(id, (next) => setState((before) => ({ ...before, ...next })))
    setLoader(made)
    return () => made.stop()
  }, [id])
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when there are more, or the server is back
  useEffect(() => loader?.refresh(), [loader, count, epoch])
  return state
}

/** One look at a time: the first new key is looked up at once, thousands of them at leisure. */
class Loader {
  private readonly id: string
  private readonly tell: (state: Partial<RunMetrics>) => void
  private keys: string[] | undefined
  private due = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private isLoading = false
  private isOutdated = false
  private isStopped = false

  constructor(id: string, tell: (state: Partial<RunMetrics>) => void) {
    this.id = id
    this.tell = tell
  }

  refresh(): void {
    this.isOutdated = this.isLoading
    if (this.isLoading || this.timer !== undefined) return
    this.timer = setTimeout(() => void this.load(), this.due - Date.now())
  }

  stop(): void {
    this.isStopped = true
    clearTimeout(this.timer)
  }

  private async load(): Promise<void> {
    this.timer = undefined
    this.isLoading = true
    try {
      const found: string[] = []
      let after: string | null = null
      do {
        const { run }: RunMetricsQuery = await ask(RunMetricsDocument, {
          id: this.id,
          first: PAGE,
          after,
        })
        if (this.isStopped) return
        found.push(...(run?.metrics.nodes ?? []).map((metric) => metric.key))
        after = run?.metrics.pageInfo.hasNextPage ? (run.metrics.pageInfo.endCursor ?? null) : null
        // The first page is drawn while the rest is on its way.
        if (!after || !this.keys?.length) this.show([...found])
      } while (after)
      this.due = Date.now() + PAUSE_MS + found.length * PAUSE_A_KEY_MS
      this.tell({ error: null })
    } catch (cause) {
      if (this.isStopped) return
      this.isOutdated = true
      this.due = Date.now() + FAILED_MS
      this.tell({ error: toApiError(cause) })
    } finally {
      this.isLoading = false
      if (this.isOutdated && !this.isStopped) this.refresh()
    }
  }

  private show(found: string[]): void {
    if (this.keys?.join('\n') === found.join('\n')) return
    this.keys = found
    this.tell({ keys: found })
  }
}
