// The keys of rich values over several runs, and the steps that one slider goes through.
import type { ValueKind } from '#api/generated.ts'

export interface Series {
  key: string
  kind: ValueKind
  count: number
  steps: ArrayLike<number>
}

export interface KeyOfRuns {
  key: string
  kind: ValueKind
  /** Values in all runs. */
  count: number
}

/** The keys of all runs by name; a key of two kinds stands for itself twice. */
export function mergeKeys(runs: readonly (readonly Series[])[]): KeyOfRuns[] {
  const merged = new Map<string, KeyOfRuns>()
  for (const { key, kind, count } of runs.flat()) {
    const name = `${key}\n${kind}`
    const known = merged.get(name)
    merged.set(name, { key, kind, count: count + (known?.count ?? 0) })
  }
  return [...merged.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

/** Every step at which something was logged, rising. */
export function mergeSteps(runs: readonly (readonly Series[])[]): number[] {
  const steps = new Set<number>()
  for (const { steps: some } of runs.flat()) for (const step of Array.from(some)) steps.add(step)
  return [...steps].sort((a, b) => a - b)
}

/** The place of the last step that is not beyond one; the last where none is asked for. */
export function placeOf(steps: readonly number[], step: number | null): number {
  if (step === null) return steps.length - 1
  const beyond = steps.findIndex((each) => each > step)
  return beyond < 0 ? steps.length - 1 : Math.max(0, beyond - 1)
}
