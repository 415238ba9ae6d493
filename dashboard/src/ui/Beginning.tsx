// What to write so that something stands here: shown where there is nothing yet.
import type { ReactElement } from 'react'
import { Copy } from './Copy.tsx'
import './beginning.css'

interface BeginningProps {
  title: string
  code: string
}

export function Beginning({ title, code }: BeginningProps): ReactElement {
  return (
    <div className="nothing">
      <p className="muted">{title}</p>
      <div className="code">
        <pre>{code}</pre>
        <Copy text={code} label="Copy" bare />
      </div>
    </div>
  )
}
