// A line of a console: its number, its time, its colours, and what of it is searched for.
import { type CSSProperties, memo, type ReactElement, type ReactNode } from 'react'
import { formatClock } from '#lib/format.ts'
import { cssColor, type Look, parseAnsi, type Span } from './ansi.ts'
import type { Line } from './lines.ts'

interface RowProps {
  line: Line | undefined
  index: number
  needle: string
  isCurrent: boolean
  hasTime: boolean
  hasWriter: boolean
  onNumber(number: number): void
}

export const Row = memo(function Row(props: RowProps): ReactElement {
  const { line, index, needle, isCurrent, hasTime, hasWriter, onNumber } = props
  if (!line) {
    return (
      <div className="console-line">
        <span className="console-number tabular">{index + 1}</span>
        <i className="console-ghost" style={{ width: `${20 + ((index * 37) % 45)}ch` }} />
      </div>
    )
  }
  const kind = `${line.isError ? ' stderr' : ''}${line.isOpen ? ' open' : ''}`
  return (
    <div className={`console-line${kind}${isCurrent ? ' current' : ''}`}>
      {line.isOpen ? (
        <span className="console-number" title="Not ended yet">
          <i className="status-dot pulse" />
        </span>
      ) : (
        <button
          type="button"
          className="console-number tabular"
          tabIndex={-1}
          title="Link to this line"
          onClick={() => onNumber(line.number)}
        >
          {line.number + 1}
        </button>
      )}
      {hasTime && <span className="console-time tabular">{clock(line.time)}</span>}
      {hasWriter && <span className="console-writer clip">{line.writer || 'main'}</span>}
      <code>
        {markSpans(parseAnsi(line.text), needle).map(({ text, look, isMatch }, at) => {
          const style = toStyle(look)
          const part: ReactNode = isMatch ? <mark>{text}</mark> : text
          return style ? (
            <span key={at} style={style}>
              {part}
            </span>
          ) : (
            <span key={at}>{part}</span>
          )
        })}
      </code>
    </div>
  )
})

function clock(time: number): string {
  return `${formatClock(time)}.${String(time % 1000).padStart(3, '0')}`
}

interface Marked extends Span {
  isMatch: boolean
}

/** Cuts spans where a match begins or ends; a match may go over several of them. */
export function markSpans(spans: readonly Span[], needle: string): Marked[] {
  const whole = spans.map((span) => span.text).join('')
  const found = needle ? whole.toLowerCase().indexOf(needle.toLowerCase()) : -1
  if (found < 0) return spans.map((span) => ({ ...span, isMatch: false }))
  const cuts: number[] = []
  const [lower, sought] = [whole.toLowerCase(), needle.toLowerCase()]
  for (let at = found; at >= 0; at = lower.indexOf(sought, at + sought.length)) {
    cuts.push(at, at + sought.length)
  }
  const marked: Marked[] = []
  let at = 0
  for (const { text, look } of spans) {
    const end = at + text.length
    let from = at
    for (const cut of [...cuts.filter((each) => each > at && each < end), end]) {
      if (cut > from) {
        // Between an odd number of cuts and the next lies a match.
        const isMatch = cuts.filter((each) => each <= from).length % 2 === 1
        marked.push({ text: whole.slice(from, cut), look, isMatch })
      }
      from = cut
    }
    at = end
  }
  return marked
}

function toStyle(look: Look): CSSProperties | undefined {
  const style: CSSProperties = {}
  const color = look.color === undefined ? undefined : cssColor(look.color)
  const ground = look.ground === undefined ? undefined : cssColor(look.ground)
  if (look.isInverse) {
    style.color = ground ?? 'var(--bg)'
    style.background = color ?? 'var(--text)'
  } else {
    if (color) style.color = color
    if (ground) style.background = ground
  }
  if (look.isBold) style.fontWeight = 600
  if (look.isDim) style.opacity = 0.7
  if (look.isItalic) style.fontStyle = 'italic'
  const lines = [look.isUnderlined && 'underline', look.isStruck && 'line-through'].filter(Boolean)
  if (lines.length) style.textDecoration = lines.join(' ')
  return Object.keys(style).length ? style : undefined
}
