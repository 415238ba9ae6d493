// The compared runs and the keys of their metrics, loaded again when one of them changes.
import { useEffect, useState } from 'react'
import { ask, listen } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  ComparedMetricsDocument,
  ComparedRunsDocument,
  type ComparedRunsQuery,
  ComparedStatusDocument,
} from '#api/generated.ts'

export type Run = ComparedRunsQuery['runsByIds'][number]

export interface ComparedRuns {
  runs: Run[] | undefined
  keys: string[] | undefined
  heard: number
  /** Counts how often they were loaded. */
  turn: number
  error: ApiError | null
}

const REFRESH_MS = 1_500

export function useCompared(ids: readonly string[]): ComparedRuns {
  const [state, setState] = useState<ComparedRuns>({
    runs: undefined,
    keys: undefined,
    heard: 0,
    turn: 0,
    error: null,
  })
  const { epoch } = useConnection()
  const experimentKey = [...new Set(state.runs?.map((run) => run.experiment.id))].join()
  const [turn, setTurn] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when something has changed
  useEffect(() => {
    if (ids.length === 0) return
    let isCurrent = true
    const load = async () => {
      try {
        const [{ runsByIds: found }, { runsByIds: logged }] = await Promise.all([
          ask(ComparedRunsDocument, { ids: [...ids] }),
          ask(ComparedMetricsDocument, { ids: [...ids] }),
        ])
        if (!isCurrent) return
        const keys = [...new Set(logged.flatMap((run) => run.metrics.nodes.map(({ key }) => key)))]
        const byId = new Map(found.map((run) => [run.id, run]))
        const runs = ids.flatMap((id) => byId.get(id) ?? [])
        setState((before) => ({
          runs,
          keys: before.keys?.join('\n') === keys.join('\n') ? before.keys : keys,
          heard: Date.now(),
          turn: before.turn + 1,
          error: null,
        }))
      } catch (cause) {
        if (isCurrent) setState((before) => ({ ...before, error: toApiError(cause) }))
      }
    }
    void load()
    return () => {
      isCurrent = false
    }
  }, [ids, epoch, turn])
  useEffect(() => {
    if (!experimentKey) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = listen(
      ComparedStatusDocument,
      () => ({ experimentIds: experimentKey.split(',') }),
      {
        next: ({ runsChanged }) => {
          if (!runsChanged.runs.some((run) => ids.includes(run.id))) return
          timer ??= setTimeout(() => {
            timer = undefined
            setTurn((count) => count + 1)
          }, REFRESH_MS)
        },
        failed: (error) => setState((before) => ({ ...before, error })),
      },
    )
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [ids, experimentKey])
  return state
}
