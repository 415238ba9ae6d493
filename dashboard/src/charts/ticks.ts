// Labels of axis ticks: as precise as the distance between them, no longer than needed.
import { formatValue } from '#lib/format.ts'

export function formatTick(value: number, distance: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  const sign = value < 0 ? '−' : ''
  if (size >= 1e12 || size < 1e-3 || distance < 1e-5) return formatValue(value)
  for (const [unit, letter] of UNITS) {
    if (size >= unit && size >= 10_000) {
      return `${sign}${fixed(size / unit, distance / unit)}${letter}`
    }
  }
  return `${sign}${fixed(size, distance)}`
}

const UNITS = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const

function fixed(value: number, distance: number): string {
  let decimals = 0
  // As many as the distance itself needs: ticks 0.25 apart are told by two.
  while (decimals < 6 && Math.abs(distance - Number(distance.toFixed(decimals))) > distance / 1e6) {
    decimals++
  }
  return value.toFixed(decimals)
}

/** A range that holds the values with some air, for a linear or a logarithmic axis. */
export function withAir(low: number, high: number, log: boolean): [number, number] {
  if (!(low <= high)) return log ? [0.1, 10] : [0, 1]
  if (log) {
    const air = high > low ? (high / low) ** 0.06 : 2
    return [low / air, high * air]
  }
  const span = high - low
  const air = span > 0 ? span * 0.06 : Math.abs(high) * 0.1 || 1
  return [low - air, high + air]
}
