// The keys that a table of runs answers to.
import { type RefObject, useMemo } from 'react'
import type { Shortcut } from '#ui/shortcuts.ts'
import type { Selection } from './selection.ts'
import type { RunTable } from './table.ts'

export interface RowKeys {
  table: RunTable
  selection: Selection
  /** The line the cursor is on. */
  at: number
  goTo(number: number): void
  pick(number: number, kind: 'only' | 'toggle' | 'range'): Promise<void>
  onOpen(id: string): void
  onRename(id: string): void
  onTag(ids: readonly string[]): void
}

export function useRowShortcuts(latest: RefObject<RowKeys>): readonly Shortcut[] {
  return useMemo<Shortcut[]>(() => {
    const runAt = () => {
      const { item } = latest.current.table.line(latest.current.at)
      return item?.kind === 'run' ? item.id : undefined
    }
    const fold = (isOpen: boolean) => () => {
      const { table, at } = latest.current
      if (at >= 0 && table.line(at).isOpen !== isOpen) table.toggle(at)
    }
    const move = (by: number) => () => latest.current.goTo(latest.current.at + by)
    return [
      { key: 'j', label: 'Next run', run: move(1) },
      { key: 'k', label: 'Previous run', run: move(-1) },
      {
        key: 'x',
        label: 'Select the run',
        run: () => void latest.current.pick(latest.current.at, 'toggle'),
      },
      {
        key: 'X',
        label: 'Select up to the run',
        run: () => void latest.current.pick(latest.current.at, 'range'),
      },
      {
        key: 'a',
        label: 'Select all runs that match',
        run: async () => latest.current.selection.set(await latest.current.table.allIds()),
      },
      {
        key: 'o',
        label: 'Open the run',
        run: () => {
          const id = runAt()
          if (id) latest.current.onOpen(id)
        },
      },
      { key: 'l', label: 'Show what is grouped or nested', run: fold(true) },
      { key: 'h', label: 'Fold it again', run: fold(false) },
      {
        key: 'e',
        label: 'Rename the run',
        run: () => {
          const { selection } = latest.current
          const id = runAt() ?? (selection.ids.length === 1 ? selection.ids[0] : undefined)
          if (id) latest.current.onRename(id)
        },
      },
      {
        key: 't',
        label: 'Tag the selected runs',
        run: () => {
          const id = runAt()
          const { ids } = latest.current.selection
          if (ids.length || id) latest.current.onTag(ids.length ? ids : id ? [id] : [])
        },
      },
      { key: 'Escape', label: 'Select nothing', run: () => latest.current.selection.set([]) },
    ]
  }, [latest])
}
