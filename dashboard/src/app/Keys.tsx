// The list of keys this page answers to.
import type { ReactElement } from 'react'
import { Dialog } from '#ui/Dialog.tsx'
import { type Shortcut, type ShortcutGroup, useShortcutGroups } from '#ui/shortcuts.ts'

interface KeysProps {
  open: boolean
  onOpenChange(open: boolean): void
}

export function Keys({ open, onOpenChange }: KeysProps): ReactElement {
  const groups = useShortcutGroups()
  return (
    <Dialog title="Keys" open={open} onOpenChange={onOpenChange}>
      {groups.filter(hasKey).map((group) => (
        <section key={group.name} className="keys">
          <h3>{group.name}</h3>
          <dl>
            {group.shortcuts.filter(isKey).map((shortcut) => (
              <div key={shortcut.key}>
                <dt>
                  <kbd>{shortcut.key === 'mod+k' ? '⌘K / Ctrl K' : shortcut.key}</kbd>
                </dt>
                <dd>{shortcut.label}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  )
}

function isKey(shortcut: Shortcut): boolean {
  return shortcut.key !== undefined
}

function hasKey(group: ShortcutGroup): boolean {
  return group.shortcuts.some(isKey)
}
