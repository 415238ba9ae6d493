// The arrangement of an experiment's charts, as this browser remembers it.
import { useCallback, useEffect, useMemo, useState } from 'react'
import { type Arrangement, isTidy, packArrangement, parseArrangement } from '#lib/arrangement.ts'
import { forget, onRemembered, recall, remember } from '#lib/storage.ts'

export interface Layout {
  arrangement: Arrangement
  change(next: (before: Arrangement) => Arrangement): void
}

export function useLayout(place: string): Layout {
  const name = `charts.${place}`
  const [kept, setKept] = useState({ name, arrangement: parseArrangement(recall(name)) })
  // Another experiment in the same charts, as where runs are compared, has its own.
  const isHere = kept.name === name
  const arrangement = useMemo(
    () => (isHere ? kept.arrangement : parseArrangement(recall(name))),
    [isHere, kept, name],
  )
  useEffect(
    () => onRemembered(name, (text) => setKept({ name, arrangement: parseArrangement(text) })),
    [name],
  )
  const change = useCallback(
    (next: (before: Arrangement) => Arrangement) => {
      const after = next(arrangement)
      if (isTidy(after)) forget(name)
      else remember(name, packArrangement(after))
      setKept({ name, arrangement: after })
    },
    [name, arrangement],
  )
  return useMemo(() => ({ arrangement, change }), [arrangement, change])
}
