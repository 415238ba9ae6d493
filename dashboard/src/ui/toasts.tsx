// Short messages at the edge of the page, with an undo where there is one.
import { type ReactElement, useSyncExternalStore } from 'react'

interface Toast {
  id: number
  text: string
  action?: { label: string; run(): void }
}

const SHOWN_MS = 8_000

let toasts: readonly Toast[] = []
let lastId = 0
const listeners = new Set<() => void>()

export function toast(text: string, action?: Toast['action']): void {
  const id = ++lastId
  update([...toasts, action ? { id, text, action } : { id, text }])
  setTimeout(() => dismiss(id), SHOWN_MS)
}

function dismiss(id: number): void {
  update(toasts.filter((each) => each.id !== id))
}

function update(next: readonly Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function Toasts(): ReactElement {
  const shown = useSyncExternalStore(subscribe, () => toasts)
  return (
    <div className="toasts" aria-live="polite">
      {shown.map(({ id, text, action }) => (
        <div key={id} className="toast">
          <span>{text}</span>
          {action && (
            <button
              type="button"
              onClick={() => {
                action.run()
                dismiss(id)
              }}
            >
              {action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  )
}
