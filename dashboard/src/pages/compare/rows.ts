// What is compared, as rows under heads: a value for each run, and whether they differ.

/** A value of one run: what is shown, and the number behind it where there is one. */
export interface Value {
  text: string
  number?: number
  /** What hovering and copying give. */
  exact?: string
}

/** The values of one section, by run and then by key. */
export type Facts = ReadonlyMap<string, ReadonlyMap<string, Value>>

export interface Section {
  name: string
  facts: Facts
}

export type CompareRow =
  | { kind: 'head'; name: string; shown: number; total: number; isOpen: boolean }
  | { kind: 'value'; section: string; key: string; values: (Value | undefined)[]; differs: boolean }

interface Asked {
  isAll: boolean
  search: string
  folded: ReadonlySet<string>
}

export function toRows(
  sections: readonly Section[],
  runIds: readonly string[],
  { isAll, search, folded }: Asked,
): CompareRow[] {
  const needle = search.toLowerCase()
  return sections.flatMap(({ name, facts }) => {
    const keys = new Set(runIds.flatMap((id) => [...(facts.get(id)?.keys() ?? [])]))
    if (keys.size === 0) return []
    const rows = [...keys].sort(byName).map((key): CompareRow & { kind: 'value' } => {
      const values = runIds.map((id) => facts.get(id)?.get(key))
      const differs = new Set(values.map((value) => value && (value.exact ?? value.text))).size > 1
      return { kind: 'value', section: name, key, values, differs }
    })
    const shown = rows.filter(
      (row) => (isAll || row.differs) && row.key.toLowerCase().includes(needle),
    )
    const isOpen = !folded.has(name)
    const head: CompareRow = {
      kind: 'head',
      name,
      shown: shown.length,
      total: rows.length,
      isOpen,
    }
    return [head, ...(isOpen ? shown : [])]
  })
}

const collator = new Intl.Collator('en', { numeric: true })

function byName(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1)
}

/** How far a number is from that of the first run: '+3.2%'; empty where that says nothing. */
export function change(value: Value | undefined, first: Value | undefined): string {
  const [now, then] = [value?.number, first?.number]
  if (now === undefined || then === undefined || !then || now === then) return ''
  const share = (100 * (now - then)) / Math.abs(then)
  if (!Number.isFinite(share) || Math.abs(share) >= 10_000) return ''
  const digits = Math.abs(share) >= 10 ? 0 : Math.abs(share) >= 0.1 ? 1 : 2
  const text = Math.abs(share).toFixed(digits)
  return Number(text) === 0 ? '' : `${share > 0 ? '+' : '−'}${text}%`
}
