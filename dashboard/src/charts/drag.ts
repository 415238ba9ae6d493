// Dragging by pointer events: follows a pressed pointer, and scrolls what it is dragged to the edge of.

export interface Drag {
  move(x: number, y: number): void
  /** Dropped, or given up as by Escape. */
  end(isDropped: boolean): void
}

const EDGE_PX = 48
const STEP_PX = 14
// A press that moves less is a click.
const SLACK_PX = 4

/** From a pointerdown until the pointer is let go; `begin` is asked once it has moved. */
export function follow(
  handle: HTMLElement,
  down: { pointerId: number; clientX: number; clientY: number },
  begin: () => Drag,
  scrolls = true,
): void {
  const stop = new AbortController()
  const { signal } = stop
  const scroller = scrollerOf(handle)
  let drag: Drag | null = null
  let frame = 0
  let [x, y] = [down.clientX, down.clientY]
  const end = (isDropped: boolean) => {
    stop.abort()
    cancelAnimationFrame(frame)
    if (handle.hasPointerCapture(down.pointerId)) handle.releasePointerCapture(down.pointerId)
    drag?.end(isDropped)
  }
  const scroll = () => {
    frame = requestAnimationFrame(scroll)
    const { top, bottom } = scroller.getBoundingClientRect()
    const by = !scrolls ? 0 : y < top + EDGE_PX ? -STEP_PX : y > bottom - EDGE_PX ? STEP_PX : 0
    const before = scroller.scrollTop
    if (by) scroller.scrollBy(0, by)
    if (scroller.scrollTop !== before) drag?.move(x, y)
  }
  handle.setPointerCapture(down.pointerId)
  handle.addEventListener(
    'pointermove',
    (event) => {
      if (event.pointerId !== down.pointerId) return
      ;[x, y] = [event.clientX, event.clientY]
      if (!drag) {
        if (Math.hypot(x - down.clientX, y - down.clientY) < SLACK_PX) return
        drag = begin()
        scroll()
      }
      drag.move(x, y)
    },
    { signal },
  )
  handle.addEventListener('pointerup', () => end(true), { signal })
  handle.addEventListener('pointercancel', () => end(false), { signal })
  handle.addEventListener('lostpointercapture', () => end(false), { signal })
  addEventListener(
    'keydown',
    (event) => {
      if (event.key !== 'Escape') return
      event.preventDefault()
      event.stopPropagation()
      end(false)
    },
    { signal, capture: true },
  )
}

function scrollerOf(element: HTMLElement): Element {
  for (let at = element.parentElement; at; at = at.parentElement) {
    const { overflowY } = getComputedStyle(at)
    if ((overflowY === 'auto' || overflowY === 'scroll') && at.scrollHeight > at.clientHeight) {
      return at
    }
  }
  return document.documentElement
}
