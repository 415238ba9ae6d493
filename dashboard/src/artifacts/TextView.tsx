// A text with line numbers, in the colours of its language.
import { type ReactElement, useEffect, useMemo, useState } from 'react'
import { formatBytes } from '#lib/bytes.ts'
import { Lines } from '#ui/Lines.tsx'
import type { Found } from './texts.ts'
import type { Token } from './tokens.ts'
import './code.css'

// Longer texts are shown in one colour, at once.
const MOST_COLOURED = 400_000
// What of a line is shown: minified files have lines of megabytes.
const LONGEST = 5_000

interface TextViewProps {
  found: Found
  language: string | null
  isWrapped: boolean
}

export function TextView({ found, language, isWrapped }: TextViewProps): ReactElement {
  const plain = useMemo(() => {
    const lines = found.text.split('\n')
    if (lines.length > 1 && lines.at(-1) === '') lines.pop()
    return lines
  }, [found])
  const [coloured, setColoured] = useState<Token[][] | null>(null)
  useEffect(() => {
    setColoured(null)
    if (!language || found.text.length > MOST_COLOURED) return
    let isCurrent = true
    import('./tokens.ts')
      .then(({ highlightLines }) => {
        if (isCurrent) setColoured(highlightLines(found.text, language))
      })
      .catch(() => undefined)
    return () => {
      isCurrent = false
    }
  }, [found, language])
  const digits = String(plain.length).length
  return (
    <>
      <Lines
        count={plain.length}
        rowPx={20}
        label="Text"
        className={isWrapped ? 'text-view wrapped' : 'text-view'}
        isWrapped={isWrapped}
        line={(index) => (
          <div key={index} className="text-line">
            <span className="gutter tabular" style={{ width: `calc(${digits}ch + 28px)` }}>
              {index + 1}
            </span>
            <code>
              {coloured?.[index] ? (
                <Tokens tokens={coloured[index]} />
              ) : (
                cut(plain[index] ?? '') || ' '
              )}
            </code>
          </div>
        )}
      />
      {found.isCut && (
        <p className="muted view-note">
          The first {formatBytes(found.text.length)} of {formatBytes(found.size)}; download it to
          see the rest.
        </p>
      )}
    </>
  )
}

function Tokens({ tokens }: { tokens: readonly Token[] }): ReactElement {
  if (tokens.length === 0) return <> </>
  return (
    <>
      {tokens.map(({ text, className }, index) => (
        <span key={index} className={className || undefined}>
          {cut(text)}
        </span>
      ))}
    </>
  )
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
