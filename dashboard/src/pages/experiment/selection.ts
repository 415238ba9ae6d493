// The selected runs: in the address while they are few, else in memory.
import { useCallback, useMemo, useState } from 'react'
import { toIds } from './search.ts'

export interface Selection {
  ids: readonly string[]
  has(id: string): boolean
  set(ids: readonly string[]): void
  add(ids: readonly string[]): void
  drop(id: string): void
}

// Ids that an address holds; 33 characters each.
const ADDRESSED = 50

export function useSelection(
  runs: string | undefined,
  setRuns: (runs: string | undefined) => void,
): Selection {
  const [many, setMany] = useState<readonly string[] | null>(null)
  const set = useCallback(
    (ids: readonly string[]) => {
      const isMany = ids.length > ADDRESSED
      setMany(isMany ? ids : null)
      setRuns(isMany ? undefined : ids.join(',') || undefined)
    },
    [setRuns],
  )
  return useMemo(() => {
    const ids = runs === undefined && many ? many : toIds(runs)
    const known = new Set(ids)
    return {
      ids,
      has: (id) => known.has(id),
      set,
      add: (more) => set([...new Set([...ids, ...more])]),
      drop: (id) => set(ids.filter((each) => each !== id)),
    }
  }, [runs, many, set])
}
