// Keys that a page answers to, and the list of them that `?` shows.
import { useEffect, useSyncExternalStore } from 'react'

export interface Shortcut {
  /** As KeyboardEvent.key; 'mod+k' for ⌘K or Ctrl+K; without one it is only a command. */
  key?: string
  label: string
  run(event: KeyboardEvent): void
}

export interface ShortcutGroup {
  name: string
  shortcuts: readonly Shortcut[]
  /** Asked before all others: what is on top of the page. */
  isFirst: boolean
}

let groups: readonly ShortcutGroup[] = []
const listeners = new Set<() => void>()

export function useShortcuts(name: string, shortcuts: readonly Shortcut[], isFirst = false): void {
  useEffect(() => {
    if (shortcuts.length === 0) return
    const group = { name, shortcuts, isFirst }
    update([...groups, group])
    return () => update(groups.filter((each) => each !== group))
  }, [name, shortcuts, isFirst])
}

export function useShortcutGroups(): readonly ShortcutGroup[] {
  return useSyncExternalStore(subscribe, () => groups)
}

export function answerShortcuts(event: KeyboardEvent): void {
  const isModified = event.metaKey || event.ctrlKey
  if (event.altKey || event.defaultPrevented) return
  const target = event.target instanceof HTMLElement ? event.target : null
  const isTyping = target?.matches('input:not([type=range], [type=checkbox]), textarea, select')
  const isInDialog = target?.closest('[role=dialog]')
  if (!isModified && (isTyping || isInDialog)) return
  const name = isModified ? `mod+${event.key.toLowerCase()}` : event.key
  const asked = groups.toReversed().sort((a, b) => Number(b.isFirst) - Number(a.isFirst))
  for (const group of asked) {
    const shortcut = group.shortcuts.find((each) => each.key === name)
    if (!shortcut) continue
    event.preventDefault()
    shortcut.run(event)
    return
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function update(next: readonly ShortcutGroup[]): void {
  groups = next
  for (const listener of listeners) listener()
}
