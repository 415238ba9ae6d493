// How a run was started, as one line for a shell.
import { spellCommand } from '#lib/shell.ts'
import type { FullRun } from './load.ts'

export function commandOf(run: FullRun): string {
  const { source } = run
  if (!source?.entryPoint) return ''
  const isScript = source.entryPoint.endsWith('.py')
  return spellCommand([...(isScript ? ['python'] : []), source.entryPoint, ...source.arguments])
}
