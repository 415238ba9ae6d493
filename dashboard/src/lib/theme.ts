// Dark or light: the system's choice until a person makes their own.
import { useSyncExternalStore } from 'react'
import { recall, remember } from './storage.ts'

export type Theme = 'light' | 'dark'

const system = matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()
let chosen: Theme | null = readChoice()

function readChoice(): Theme | null {
  const stored = recall('theme')
  return stored === 'light' || stored === 'dark' ? stored : null
}

export function getTheme(): Theme {
  return chosen ?? (system.matches ? 'dark' : 'light')
}

/** Back to the system's choice when that is what is asked for. */
export function toggleTheme(): void {
  const next = getTheme() === 'dark' ? 'light' : 'dark'
  const isSystem = next === (system.matches ? 'dark' : 'light')
  chosen = isSystem ? null : next
  remember('theme', isSystem ? 'system' : next)
  applyTheme()
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = getTheme()
  for (const listener of listeners) listener()
}

system.addEventListener('change', applyTheme)

export function subscribeTheme(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribeTheme, getTheme)
}
