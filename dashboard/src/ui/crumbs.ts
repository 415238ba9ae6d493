// Where the reader is: what the top bar and the window's title say.
import { useEffect, useSyncExternalStore } from 'react'

export interface Crumb {
  label: string
  href: string
}

export interface Place {
  crumbs: readonly Crumb[]
  title: string
}

let place: Place = { crumbs: [], title: '' }
const listeners = new Set<() => void>()

/** `crumbs` has to be stable between renders. */
export function usePlace(crumbs: readonly Crumb[], title: string): void {
  useEffect(() => {
    place = { crumbs, title }
    document.title = title ? `${title} · trackql` : 'trackql'
    for (const listener of listeners) listener()
  }, [crumbs, title])
}

export function useCurrentPlace(): Place {
  return useSyncExternalStore(subscribe, () => place)
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
