// What tells runs apart: params as rows, runs as columns.

export interface Compared {
  id: string
  params: { nodes: readonly { key: string; value: string }[] }
}

export interface ParamRow {
  key: string
  /** One for each run; undefined where it was not logged. */
  values: (string | undefined)[]
  differs: boolean
}

export function toParamRows(runs: readonly Compared[]): ParamRow[] {
  const maps = runs.map((run) => new Map(run.params.nodes.map(({ key, value }) => [key, value])))
  const keys = new Set(maps.flatMap((map) => [...map.keys()]))
  return [...keys].sort().map((key) => {
    const values = maps.map((map) => map.get(key))
    return { key, values, differs: new Set(values).size > 1 }
  })
}
