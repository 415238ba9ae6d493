// A button that copies text and says so for a moment.
import { type ReactElement, useEffect, useState } from 'react'
import { Icon } from './icons.tsx'

interface CopyProps {
  text: string | (() => string)
  label: string
  /** Only the sign is shown; the label is read out and shown on hover. */
  bare?: boolean
  icon?: 'copy' | 'code'
}

export function Copy({ text, label, bare = false, icon = 'copy' }: CopyProps): ReactElement {
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (!said) return
    const timer = setTimeout(() => setSaid(''), 1500)
    return () => clearTimeout(timer)
  }, [said])
  const copy = async () => {
    setSaid((await write(typeof text === 'string' ? text : text())) ? 'Copied' : 'Not copied')
  }
  return (
    <button
      type="button"
      className={bare ? 'quiet bare' : 'quiet'}
      onClick={copy}
      title={said || label}
      aria-label={bare ? label : undefined}
    >
      <Icon name={icon} />
      <span aria-live="polite" className={bare && !said ? 'visually-hidden' : undefined}>
        {said || (bare ? '' : label)}
      </span>
    </button>
  )
}

/** The clipboard is kept from pages on plain http; a selection still copies there. */
async function write(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text)
      return true
    } catch {
      // Refused by the browser's settings: try as below.
    }
  }
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const copied = document.execCommand('copy')
  area.remove()
  return copied
}
