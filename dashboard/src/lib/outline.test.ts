import { expect, test, vi } from 'vitest'
import { Outline } from './outline.ts'
import { PAGE, type Source } from './pages.ts'

interface Item {
  id: string
}

function sourceOf(ids: readonly string[]): Source<Item> {
  return {
    fetch: async (offset) => ({
      items: ids.slice(offset, offset + PAGE).map((id) => ({ id })),
      endCursor: null,
      hasNext: offset + PAGE < ids.length,
    }),
    count: async () => ids.length,
  }
}

vi.useFakeTimers()
const settle = () => vi.advanceTimersByTimeAsync(200)

async function sample(): Promise<[Outline<Item>, string[]]> {
  const ids = ['a', 'b', 'c']
  const outline = new Outline<Item>(() => undefined)
  outline.pages.ask(sourceOf(ids), true)
  await settle()
  outline.open(0, sourceOf(['a1', 'a2']), 2)
  outline.open(1, sourceOf(['b1']), 1)
  await settle()
  return [outline, ids]
}

function lines(outline: Outline<Item>): string[] {
  return Array.from({ length: outline.length }, (_, at) => {
    const { item, depth } = outline.line(at)
    return `${' '.repeat(depth)}${item?.id}`
  })
}

test('what is opened stands under its item, however deep', async () => {
  const [outline] = await sample()
  expect(lines(outline)).toEqual(['a', ' a1', ' a2', 'b', ' b1', 'c'])
  const { list, index } = outline.line(2)
  list.open(index, sourceOf(['x']), 1)
  await settle()
  expect(lines(outline)).toEqual(['a', ' a1', ' a2', '  x', 'b', ' b1', 'c'])
  expect(['a', 'x', 'b1', 'c', '?'].map((id) => outline.numberOf(id))).toEqual([0, 3, 5, 6, -1])
  outline.close('a')
  expect(lines(outline)).toEqual(['a', 'b', ' b1', 'c'])
  expect(outline.line(1).isOpen).toBe(true)
})

test('what is open follows its item and goes with it', async () => {
  const [outline, ids] = await sample()
  ids.splice(0, 3, 'new', 'c', 'a')
  outline.pages.refresh()
  await settle()
  expect(lines(outline)).toEqual(['new', 'c', 'a', ' a1', ' a2'])
})

test('lines of long lists are found without walking them', async () => {
  const ids = Array.from({ length: 100_000 }, (_, at) => `r${at}`)
  const outline = new Outline<Item>(() => undefined)
  outline.pages.ask(sourceOf(ids), true)
  await settle()
  outline.open(2, sourceOf(ids.map((id) => `in${id}`)), ids.length)
  await settle()
  expect(outline.length).toBe(200_000)
  outline.look(100_000, 100_040)
  await settle()
  expect(outline.line(100_002).item?.id).toBe('inr99999')
  expect(outline.line(100_003).item?.id).toBe('r3')
})
