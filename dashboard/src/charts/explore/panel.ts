// What every panel is given, and how it speaks of ranges.
import { kindOf } from '#lib/fields.ts'
import type { Scope } from './data.ts'

export interface PanelProps {
  scope: Scope
  /** Grows when the runs may have changed. */
  version: number
  /** Fields grouped by in the table. */
  by: readonly string[]
  /** The fields chosen to be drawn; what is left out is the panel's to choose. */
  axes: readonly string[]
  /** Fields there are, and those of them that are numbers. */
  fields: readonly string[]
  numeric: readonly string[]
  onAxes(axes: readonly string[]): void
  /** Further conditions for the table and all else. */
  onFilter(conditions: readonly string[]): void
  onOpen(runId: string): void
}

/** The condition that a field lies between two values, as short as tells them apart. */
export function between(field: string, one: number, other: number): string {
  const [low, high] = one < other ? [one, other] : [other, one]
  const digits = Math.max(3, Math.ceil(-Math.log10(Math.abs(high - low) || 1)) + 3)
  const isWhole = /time|duration/.test(kindOf(field))
  const unit = kindOf(field) === 'duration' ? 'ms' : ''
  const write = (value: number) =>
    isWhole
      ? `${Math.round(value)}${unit}`
      : String(Number(value.toPrecision(Math.min(15, digits + 3))))
  return `${field} BETWEEN ${write(low)} AND ${write(high)}`
}
