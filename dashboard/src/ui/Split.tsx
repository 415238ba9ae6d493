// Two panes side by side with a line between them that can be dragged or moved by arrow keys.
import { type PointerEvent, type ReactElement, type ReactNode, useRef, useState } from 'react'
import { recall, remember } from '#lib/storage.ts'

interface SplitProps {
  name: string
  left: ReactNode
  right: ReactNode
}

const [LEAST, MOST] = [20, 80]

export function Split({ name, left, right }: SplitProps): ReactElement {
  const frame = useRef<HTMLDivElement>(null)
  const [percent, setPercent] = useState(() => bounded(Number(recall(`split.${name}`)) || 50))
  const [isDragged, setDragged] = useState(false)
  const set = (next: number) => {
    setPercent(bounded(next))
    remember(`split.${name}`, String(bounded(next)))
  }
  const drag = (event: PointerEvent) => {
    const box = frame.current?.getBoundingClientRect()
    if (isDragged && box) set((100 * (event.clientX - box.left)) / box.width)
  }
  return (
    <div ref={frame} className={isDragged ? 'split dragged' : 'split'}>
      <div className="pane" style={{ flexBasis: `${percent}%` }}>
        {left}
      </div>
      <div
        className="split-line"
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the table"
        aria-valuenow={Math.round(percent)}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        tabIndex={0}
        onPointerDown={(event) => {
          event.preventDefault()
          event.currentTarget.setPointerCapture(event.pointerId)
          setDragged(true)
        }}
        onPointerMove={drag}
        onPointerUp={() => setDragged(false)}
        onPointerCancel={() => setDragged(false)}
        onDoubleClick={() => set(50)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowLeft') set(percent - 2)
          else if (event.key === 'ArrowRight') set(percent + 2)
        }}
      />
      <div className="pane rest">{right}</div>
    </div>
  )
}

function bounded(percent: number): number {
  return Math.min(MOST, Math.max(LEAST, percent))
}
