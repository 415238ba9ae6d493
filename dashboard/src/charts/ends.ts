// Where the labels at the ends of curves stand.

/**
 * Places at least a gap apart, within bounds, each as near to where it is wanted as can be; in the
 * order of what is wanted. More than fit are squeezed in evenly.
 */
export function spread(
  wanted: readonly number[],
  [least, most]: readonly [number, number],
  gap: number,
): number[] {
  const count = wanted.length
  if (count === 0) return []
  const apart = count > 1 ? Math.min(gap, (most - least) / (count - 1)) : gap
  const order = wanted.map((_, index) => index).sort((a, b) => at(wanted, a) - at(wanted, b))
  // Less the gaps before them, places must only never fall: neighbours that do share their mean.
  const blocks: { sum: number; size: number }[] = []
  order.forEach((index, place) => {
    let block = { sum: at(wanted, index) - place * apart, size: 1 }
    for (;;) {
      const before = blocks.at(-1)
      if (!before || before.sum / before.size <= block.sum / block.size) break
      blocks.pop()
      block = { sum: before.sum + block.sum, size: before.size + block.size }
    }
    blocks.push(block)
  })
  const places = new Array<number>(count).fill(0)
  const top = Math.max(least, most - (count - 1) * apart)
  let place = 0
  for (const { sum, size } of blocks) {
    const free = Math.min(top, Math.max(least, sum / size))
    for (let index = 0; index < size; index++, place++) {
      places[order[place] ?? 0] = free + place * apart
    }
  }
  return places
}

function at(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0
}
