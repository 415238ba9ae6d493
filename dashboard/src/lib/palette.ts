// One of eighteen places in the palette for each run, from its id alone.

export const PALETTE_SIZE = 18

/** FNV-1a over the id: the same run has the same colour in every chart, page and browser. */
export function paletteIndex(id: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < id.length; index++) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193)
  }
  hash ^= hash >>> 15
  return (hash >>> 0) % PALETTE_SIZE
}

/** Line patterns of the runs that share a colour, the first one solid; lengths in pixels. */
export const DASHES: readonly (readonly number[])[] = [
  [],
  [7, 4],
  [2, 3],
  [10, 3, 2, 3],
  [14, 5],
  [6, 2, 2, 2, 2, 2],
  [4, 7],
  [12, 3, 6, 3],
]

/** Which of the runs that share a colour each is: the second and later ones are drawn dashed. */
export function twins(ids: readonly string[]): Map<string, number> {
  const seen = new Map<number, number>()
  return new Map(
    ids.map((id) => {
      const index = paletteIndex(id)
      const twin = seen.get(index) ?? 0
      seen.set(index, twin + 1)
      return [id, twin]
    }),
  )
}
