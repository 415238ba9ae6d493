// A run as it stands: loaded, and loaded again when it changes or the server is back.
import { useEffect, useRef, useState } from 'react'
import { ask, listen } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  RunChangedDocument,
  RunDocument,
  type RunHeaderFragment,
  type RunQuery,
} from '#api/generated.ts'

export type FullRun = NonNullable<RunQuery['run']>

const MISSING_MS = 2_000

export interface LoadedRun {
  run: FullRun | undefined
  /** When the server said how it stands. */
  heard: number
  error: ApiError | null
  isMissing: boolean
}

export function useRun(id: string): LoadedRun {
  const [state, setState] = useState<LoadedRun>({
    run: undefined,
    heard: 0,
    error: null,
    isMissing: false,
  })
  const { epoch } = useConnection()
  const again = useRef<ReturnType<typeof setTimeout>>(undefined)
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when the server is back
  useEffect(() => {
    let isCurrent = true
    const load = async () => {
      try {
        const { run } = await ask(RunDocument, { id })
        if (!isCurrent) return
        setState({ run: run ?? undefined, heard: Date.now(), error: null, isMissing: !run })
        // A script prints its run's address before the server has heard of the run.
        if (!run) again.current = setTimeout(load, MISSING_MS)
      } catch (cause) {
        if (!isCurrent) return
        const error = toApiError(cause)
        const isMissing = error.code === 'NOT_FOUND'
        setState((before) => ({ ...before, error, isMissing }))
        if (!isMissing) again.current = setTimeout(load, 3_000)
      }
    }
    void load()
    return () => {
      isCurrent = false
      clearTimeout(again.current)
    }
  }, [id, epoch])
  const isKnown = state.run !== undefined
  useEffect(() => {
    if (!isKnown) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = listen(RunChangedDocument, () => ({ runIds: [id] }), {
      next: ({ runsChanged }) => {
        const changed = runsChanged.runs.find((run) => run.id === id)
        if (!changed) return
        setState((before) => ({ ...before, run: merge(before.run, changed), heard: Date.now() }))
        // Params and tags are asked for again: the news says only how the run stands.
        timer ??= setTimeout(async () => {
          timer = undefined
          try {
            const { run } = await ask(RunDocument, { id })
            if (run) setState((before) => ({ ...before, run, heard: Date.now() }))
          } catch (cause) {
            setState((before) => ({ ...before, error: toApiError(cause) }))
          }
        }, 1_000)
      },
      failed: (error) => setState((before) => ({ ...before, error })),
    })
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [id, isKnown])
  return state
}

function merge(run: FullRun | undefined, changed: RunHeaderFragment): FullRun | undefined {
  return run && { ...run, ...changed }
}
