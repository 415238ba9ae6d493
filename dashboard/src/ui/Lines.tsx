// A list of any length, of which only the lines in sight are in the page. The place on the
// scrollbar is a share of all lines: the same share of the list stands at the same share of the
// window. So lines may be of different heights, and more than a browser can lay out at once.
import './lines.css'
import {
  type ReactElement,
  type ReactNode,
  type Ref,
  useCallback,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'

export interface LinesHandle {
  /** Scrolls until the line is in sight. */
  show(index: number): void
}

interface LinesProps {
  count: number
  /** The height of a line; of wrapped ones the least. */
  rowPx: number
  /** A line, with its key. */
  line(index: number): ReactNode
  label: string
  className?: string
  role?: 'log' | 'tree' | 'region' | 'grid'
  isWrapped?: boolean
  /** Stays at the end while lines come; told when the reader leaves or reaches it. */
  isFollowing?: boolean
  onFollow?(isFollowing: boolean): void
  /** Lines of which something is drawn. */
  onSeen?(first: number, last: number): void
  /** Above the lines, and scrolled with them sideways. */
  head?: ReactNode
  handle?: Ref<LinesHandle>
}

// Browsers lay out no higher elements.
const MOST_PX = 15_000_000
const OVER = 12
// Wrapped lines that are few are all laid out.
const FEW = 300

export function Lines(props: LinesProps): ReactElement {
  const { count, rowPx, line, label, className, role, isWrapped = false, head, handle } = props
  const { isFollowing = false, onFollow, onSeen } = props
  const scroller = useRef<HTMLDivElement>(null)
  const block = useRef<HTMLDivElement>(null)
  const top = useRef<HTMLDivElement>(null)
  const isWhole = isWrapped && count <= FEW
  const total = Math.min(count * rowPx, MOST_PX)
  const [sight, setSight] = useState({ share: 0, height: 600 })
  const rows = sight.height / rowPx
  const at = sight.share * count
  const first = isWhole ? 0 : Math.max(0, Math.floor(at - sight.share * rows) - OVER)
  const last = isWhole ? count : Math.min(count, Math.ceil(at + (1 - sight.share) * rows) + OVER)

  const measure = useCallback(() => {
    const element = scroller.current
    if (!element) return { share: 0, height: 0, range: 0 }
    const height = element.clientHeight - (top.current?.offsetHeight ?? 0)
    const range = Math.max(0, total - height)
    return { share: range ? Math.min(1, element.scrollTop / range) : 0, height, range }
  }, [total])

  /** Puts the drawn lines where the scrollbar says. */
  const place = useCallback(() => {
    const [element, drawn] = [scroller.current, block.current]
    if (!element || !drawn) return
    if (isWhole) {
      drawn.style.transform = ''
      return
    }
    const { share, height } = measure()
    const anchor = share * count
    const child = drawn.children[Math.floor(anchor) - first]
    let offset = (anchor - first) * rowPx
    if (isWrapped && child instanceof HTMLElement) {
      offset = child.offsetTop + (anchor % 1) * child.offsetHeight
    } else if (isWrapped && anchor >= count) offset = drawn.offsetHeight
    drawn.style.transform = `translateY(${element.scrollTop + share * height - offset}px)`
  }, [measure, isWhole, isWrapped, count, first, rowPx])

  useLayoutEffect(() => {
    const element = scroller.current
    if (!element) return
    const look = () => {
      place()
      const { share, height } = measure()
      setSight((before) => {
        const isNear = Math.abs(before.share - share) * count < 3 && before.height === height
        return isNear ? before : { share, height }
      })
    }
    look()
    const size = new ResizeObserver(look)
    size.observe(element)
    element.addEventListener('scroll', look, { passive: true })
    return () => {
      size.disconnect()
      element.removeEventListener('scroll', look)
    }
  }, [measure, place, count])

  // The reader leaves the end by scrolling up, and takes it up again by scrolling down to it.
  const before = useRef(0)
  useLayoutEffect(() => {
    const element = scroller.current
    if (!element || !onFollow) return
    const note = () => {
      const rest = element.scrollHeight - element.clientHeight - element.scrollTop
      if (element.scrollTop < before.current - 1 && rest > 2) onFollow(false)
      else if (rest <= 2 && element.scrollTop > before.current) onFollow(true)
      before.current = element.scrollTop
    }
    element.addEventListener('scroll', note, { passive: true })
    return () => element.removeEventListener('scroll', note)
  }, [onFollow])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the end moves with what is drawn
  useLayoutEffect(() => {
    const element = scroller.current
    if (isFollowing && element) element.scrollTop = element.scrollHeight
    place()
  }, [isFollowing, count, first, last, isWrapped, place])

  useLayoutEffect(() => onSeen?.(first, last), [onSeen, first, last])

  useImperativeHandle(
    handle,
    () => ({
      show(index) {
        const [element, drawn] = [scroller.current, block.current]
        if (!element || !drawn) return
        if (isWhole) {
          drawn.children[index]?.scrollIntoView({ block: 'nearest' })
          return
        }
        const { range, height } = measure()
        const share = range ? element.scrollTop / range : 0
        const y = (index - share * count) * rowPx + share * height
        if (y >= 0 && y + rowPx <= height) return
        // At the share of the list that it is itself it stands in sight.
        element.scrollTop = range * Math.min(1, (index + 0.5) / count)
      },
    }),
    [measure, isWhole, count, rowPx],
  )

  const lines: ReactNode[] = []
  for (let index = first; index < last; index++) lines.push(line(index))
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: each of its roles has a name
    <div
      ref={scroller}
      className={`lines ${className ?? ''}`}
      role={role ?? 'region'}
      aria-label={label}
      tabIndex={0}
    >
      {head && (
        <div ref={top} className="lines-head">
          {head}
        </div>
      )}
      <div className="lines-all" style={isWhole ? undefined : { height: total }}>
        <div ref={block} className={isWhole ? 'lines-drawn whole' : 'lines-drawn'}>
          {lines}
        </div>
      </div>
    </div>
  )
}
