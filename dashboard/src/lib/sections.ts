// Metric keys in sections by their prefix: the part before the first slash.

export interface Section {
  name: string
  keys: string[]
}

/** Sections in order of name; keys without a prefix come first, under ''. */
export function toSections(keys: readonly string[], search = ''): Section[] {
  const matches = matcher(search)
  const sections = new Map<string, string[]>()
  for (const key of keys) {
    if (!matches(key)) continue
    const slash = key.indexOf('/')
    const name = slash > 0 ? key.slice(0, slash) : ''
    const section = sections.get(name)
    if (section) section.push(key)
    else sections.set(name, [key])
  }
  return [...sections]
    .map(([name, found]) => ({ name, keys: found.sort(byName) }))
    .sort((a, b) => rank(a.name) - rank(b.name) || byName(a.name, b.name))
}

/** What is measured of the machine comes after what is measured of the model. */
function rank(name: string): number {
  return name === 'system' ? 1 : 0
}

/** A substring, or a regular expression where the text is one: 'loss$', 'val/.*acc'. */
export function matcher(search: string): (key: string) => boolean {
  const text = search.trim()
  if (!text) return () => true
  if (/[\\^$.*+?()[\]{}|]/.test(text)) {
    try {
      const expression = new RegExp(text, 'i')
      return (key) => expression.test(key)
    } catch {
      // Half-typed expressions are searched for as they stand.
    }
  }
  const lower = text.toLowerCase()
  return (key) => key.toLowerCase().includes(lower)
}

const collator = new Intl.Collator('en', { numeric: true })

export function byName(a: string, b: string): number {
  return collator.compare(a, b)
}
