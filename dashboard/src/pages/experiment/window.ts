// Which part of a long table is in sight, and keeping it still while lines come and go above.
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { ROW_PX } from './columns.ts'
import type { RunTable, TableState } from './table.ts'

export interface Sight {
  /** Lines that are drawn. */
  first: number
  last: number
  /** Lines of which something is seen. */
  seen: readonly [number, number]
  /** More rows than are ever drawn at once. */
  slots: number
  left: number
  width: number
}

// Lines drawn above and below what is seen; how many lines one scrolls before others are drawn.
const [ABOVE, BELOW, STEP] = [6, 10, 4]

export function useWindow(scroller: RefObject<HTMLElement | null>, count: number): Sight {
  const [box, setBox] = useState({ row: 0, left: 0, width: 800, height: 600 })
  useLayoutEffect(() => {
    const element = scroller.current
    if (!element) return
    const measure = () => {
      const row = Math.floor(element.scrollTop / ROW_PX)
      const left = Math.floor(element.scrollLeft / 100) * 100
      const [width, height] = [element.clientWidth, element.clientHeight]
      setBox((before) => {
        const same = before.left === left && before.width === width && before.height === height
        return same && before.row === row ? before : { row, left, width, height }
      })
    }
    measure()
    const size = new ResizeObserver(measure)
    size.observe(element)
    element.addEventListener('scroll', measure, { passive: true })
    return () => {
      size.disconnect()
      element.removeEventListener('scroll', measure)
    }
  }, [scroller])
  const { row, left, width, height } = box
  const rows = Math.ceil(height / ROW_PX)
  const top = Math.min(row, Math.max(0, count - 1))
  const first = Math.max(0, Math.floor((top - ABOVE) / STEP) * STEP)
  const end = Math.ceil((top + rows + BELOW) / STEP) * STEP
  const last = Math.min(count - 1, end)
  const slots = rows + ABOVE + BELOW + 2 * STEP + 1
  const seenEnd = Math.min(count - 1, top + Math.max(0, rows - 2))
  return useMemo(
    () => ({ first, last, seen: [top, seenEnd], slots, left, width }),
    [first, last, top, seenEnd, slots, left, width],
  )
}

export function scrollToLine(element: HTMLElement | null, number: number): void {
  if (!element) return
  const top = number * ROW_PX
  const least = top + 2 * ROW_PX - element.clientHeight
  if (element.scrollTop > top) element.scrollTop = top
  else if (element.scrollTop < least) element.scrollTop = least
}

/** Tells the runs in sight, once they rest. */
export function useVisible(
  table: RunTable,
  state: TableState,
  seen: readonly [number, number],
  onVisible: (ids: string[]) => void,
): void {
  const [first, last] = seen
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines change within the same table
  const key = useMemo(() => {
    const ids: string[] = []
    for (let number = first; number <= last; number++) {
      const { item } = table.line(number)
      if (item?.kind === 'run') ids.push(item.id)
    }
    return ids.join()
  }, [table, first, last, state.version])
  useEffect(() => {
    const timer = setTimeout(() => onVisible(key ? key.split(',') : []), 150)
    return () => clearTimeout(timer)
  }, [key, onVisible])
}

/** What is on top stays on top when lines come or go above it; at the very top what is new shows. */
export function useAnchor(
  table: RunTable,
  state: TableState,
  scroller: RefObject<HTMLElement | null>,
  questionKey: string,
): void {
  const anchor = useRef({ id: '', number: 0 })
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines change within the same table
  useLayoutEffect(() => {
    const element = scroller.current
    const { id, number } = anchor.current
    if (!element || !id) return
    const now = table.numberOf(id)
    if (now < 0 || now === number) return
    element.scrollTop += (now - number) * ROW_PX
    anchor.current = { id, number: now }
  }, [table, state.version])
  useEffect(() => {
    const element = scroller.current
    if (!element) return
    const note = () => {
      const number = Math.floor(element.scrollTop / ROW_PX)
      const id = number > 0 ? (table.line(number).item?.id ?? '') : ''
      anchor.current = { id, number }
    }
    element.addEventListener('scroll', note, { passive: true })
    return () => element.removeEventListener('scroll', note)
  }, [table, scroller])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question begins at its top
  useLayoutEffect(() => {
    anchor.current = { id: '', number: 0 }
    if (scroller.current) scroller.current.scrollTop = 0
  }, [questionKey, scroller])
}
