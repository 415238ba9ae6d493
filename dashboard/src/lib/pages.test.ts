import { expect, test, vi } from 'vitest'
import { type Fetched, PAGE, Pages, type Source } from './pages.ts'

interface Item {
  id: string
}

class Store implements Source<Item> {
  asked: [number, string | null][] = []
  private waiting: (() => void)[] = []
  readonly ids: string[]
  private readonly isHeld: boolean
  constructor(ids: string[], isHeld = false) {
    this.ids = ids
    this.isHeld = isHeld
  }
  fetch(offset: number, after: string | null, signal: AbortSignal): Promise<Fetched<Item>> {
    this.asked.push([offset, after])
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')))
      const end = offset + PAGE
      const answer = () =>
        resolve({
          items: this.ids.slice(offset, end).map((id) => ({ id })),
          endCursor: `c${end}`,
          hasNext: end < this.ids.length,
        })
      if (this.isHeld) this.waiting.push(answer)
      else answer()
    })
  }
  async count(): Promise<number> {
    return this.ids.length
  }
  answer(): void {
    for (const each of this.waiting.splice(0)) each()
  }
}

const ids = (count: number, prefix = 'r') =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`)

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(200)
}

vi.useFakeTimers()

test('only what is in sight is fetched, by cursor where the page before is known', async () => {
  const store = new Store(ids(100_000))
  const pages = new Pages<Item>(() => undefined)
  pages.ask(store, true)
  await settle()
  expect([pages.length, pages.at(7)?.id, pages.at(100)]).toEqual([100_000, 'r7', undefined])
  pages.look(80, 110)
  await settle()
  expect(pages.at(110)?.id).toBe('r110')
  pages.look(50_020, 50_040)
  await settle()
  expect(pages.at(50_040)?.id).toBe('r50040')
  expect(store.asked).toEqual([
    [0, null],
    [100, 'c100'],
    [50_000, null],
  ])
})

test('what is scrolled past is not asked for, and given up when it was', async () => {
  const store = new Store(ids(10_000), true)
  const pages = new Pages<Item>(() => undefined)
  pages.ask(store, true)
  store.answer()
  await settle()
  for (let at = 30; at < 5000; at += 70) pages.look(at, at + 5)
  await settle()
  expect(store.asked.slice(1)).toEqual([[4900, null]])
  pages.look(0, 30)
  store.answer()
  await settle()
  expect(pages.at(4950)).toBeUndefined()
})

test('another question shows the old rows until its own are there', async () => {
  const [first, second] = [new Store(ids(500)), new Store(ids(3, 's'), true)]
  const pages = new Pages<Item>(() => undefined)
  pages.ask(first, true)
  await settle()
  pages.ask(second, true)
  await settle()
  expect(pages.at(0)?.id).toBe('r0')
  second.answer()
  await settle()
  expect([pages.at(0)?.id, pages.length, pages.at(3)]).toEqual(['s0', 3, undefined])
})

test('a refresh takes new, gone and moved rows', async () => {
  const store = new Store(ids(150))
  const pages = new Pages<Item>(() => undefined)
  pages.ask(store, true)
  pages.look(0, 120)
  await settle()
  store.ids.unshift('new')
  pages.refresh()
  await settle()
  expect([pages.length, pages.at(0)?.id, pages.indexOf('r0'), pages.at(150)?.id]).toEqual([
    151,
    'new',
    1,
    'r149',
  ])
  store.ids.splice(0)
  pages.refresh()
  await settle()
  expect([pages.length, pages.at(0)]).toEqual([0, undefined])
})
