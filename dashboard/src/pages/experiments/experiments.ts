// All experiments, kept fresh: the rail and the first page read the same list.
import { useEffect, useMemo, useState } from 'react'
import { ask, listen } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  type ExperimentRowFragment,
  ExperimentRunsChangedDocument,
  ExperimentsDocument,
} from '#api/generated.ts'

export interface ExperimentList {
  /** Undefined until they are known. */
  experiments: ExperimentRowFragment[] | undefined
  total: number
  error: ApiError | null
}

const PAGE = 500
const AGAIN_MS = 300
// A subscription tells of runs; only asking tells of experiments made elsewhere.
const POLL_MS = 4_000

export function useExperiments(search = ''): ExperimentList {
  const [list, setList] = useState<ExperimentList>({
    experiments: undefined,
    total: 0,
    error: null,
  })
  const { epoch } = useConnection()

  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when the server is back
  useEffect(() => {
    let isCurrent = true
    let timer: ReturnType<typeof setTimeout> | undefined
    let stop: (() => void) | undefined
    let listened = ''
    const again = (ms: number) => {
      clearTimeout(timer)
      if (isCurrent) timer = setTimeout(load, ms)
    }
    const follow = (ids: string[]) => {
      if (ids.join() === listened) return
      listened = ids.join()
      stop?.()
      stop = ids.length
        ? listen(ExperimentRunsChangedDocument, () => ({ experimentIds: ids }), {
            next: () => again(AGAIN_MS),
            failed: () => again(POLL_MS),
          })
        : undefined
    }
    const load = async () => {
      if (document.hidden) return again(POLL_MS)
      try {
        const { experiments } = await ask(ExperimentsDocument, {
          first: PAGE,
          search: search || null,
        })
        if (!isCurrent) return
        setList({ experiments: experiments.nodes, total: experiments.totalCount, error: null })
        follow(experiments.nodes.slice(0, 100).map((each) => each.id))
      } catch (cause) {
        if (isCurrent) setList((before) => ({ ...before, error: toApiError(cause) }))
      }
      again(POLL_MS)
    }
    void load()
    return () => {
      isCurrent = false
      clearTimeout(timer)
      stop?.()
    }
  }, [search, epoch])

  return useMemo(() => list, [list])
}
