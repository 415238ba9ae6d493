// Values of live parameters as text, and back.

/** A value as a field shows it. */
export function spellLive(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** What a text means for a type of live parameter; undefined where it means nothing. */
export function parseLive(type: string, text: string): unknown {
  if (type === 'TEXT') return text
  const number = Number(text.trim())
  if (text.trim() === '' || !Number.isFinite(number)) return undefined
  if (type === 'INTEGER') return Number.isSafeInteger(number) ? number : undefined
  return type === 'NUMBER' ? number : undefined
}

/** The values that a number may have, as a hint. */
export function rangeOf(param: { min?: unknown; max?: unknown }): string {
  const { min, max } = param
  if (min == null && max == null) return ''
  if (min == null) return `≤ ${String(max)}`
  return max == null ? `≥ ${String(min)}` : `${String(min)} – ${String(max)}`
}
