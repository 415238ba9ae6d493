// An error as people need it: what, why, what to do, and the code to copy.
import type { ReactElement } from 'react'
import { Copy } from './Copy.tsx'

export interface Trouble {
  message: string
  code?: string
  remedy?: string
  id?: string | null
}

export function Notice({ title, trouble }: { title: string; trouble: Trouble }): ReactElement {
  const code = [trouble.code, trouble.id].filter(Boolean).join(' ')
  return (
    <div className="notice" role="alert">
      <strong>{title}</strong>
      <p>{trouble.message}</p>
      {trouble.remedy && <p className="muted">{trouble.remedy}</p>}
      {code && (
        <p className="notice-code">
          <code>{code}</code> <Copy text={`${title}: ${trouble.message} (${code})`} label="Copy" />
        </p>
      )}
    </div>
  )
}
