// A patch among the artifacts, shown as the changes it makes.
import { type ReactElement, useMemo } from 'react'
import { DiffView } from '#diff/DiffView.tsx'
import { parsePatch } from '#diff/patch.ts'

export default function Changes({ text }: { text: string }): ReactElement {
  const files = useMemo(() => parsePatch(text), [text])
  if (files.length === 0) return <p className="empty muted">It changes nothing.</p>
  return <DiffView files={files} label="Changes" />
}
