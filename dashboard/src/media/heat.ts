// Histograms along steps as the cells of a heat map: each column is brought to the same rows.

export interface Columns {
  steps: ArrayLike<number>
  bins: ArrayLike<number>
  edges: ArrayLike<number>
  counts: ArrayLike<number>
}

/** Shares of each column's greatest density, column by column from the least value up. */
export function toHeat(columns: Columns, low: number, high: number, rows: number): Float64Array {
  const cells = new Float64Array(columns.steps.length * rows)
  const height = (high - low) / rows
  let [edgeAt, countAt] = [0, 0]
  for (let column = 0; column < columns.steps.length; column++) {
    const bins = columns.bins[column] ?? 0
    let most = 0
    for (let bin = 0; bin < bins; bin++) {
      const from = columns.edges[edgeAt + bin] ?? 0
      const to = columns.edges[edgeAt + bin + 1] ?? 0
      const count = columns.counts[countAt + bin] ?? 0
      if (!count || !(height > 0)) continue
      const first = Math.max(0, Math.floor((from - low) / height))
      const last = Math.min(rows - 1, Math.ceil((to - low) / height) - 1)
      for (let row = first; row <= Math.max(first, last) && row < rows; row++) {
        const top = Math.min(to, low + (row + 1) * height)
        const share = (top - Math.max(from, low + row * height)) / (to - from)
        const at = column * rows + row
        cells[at] = (cells[at] ?? 0) + count * Math.max(0, share)
        most = Math.max(most, cells[at] ?? 0)
      }
    }
    for (let row = 0; most > 0 && row < rows; row++) {
      const at = column * rows + row
      cells[at] = (cells[at] ?? 0) / most
    }
    edgeAt += bins + 1
    countAt += bins
  }
  return cells
}
