// What is compared of each run: fetched page by page, a few runs at a time.
import { useEffect, useMemo, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  ComparedNumbersDocument,
  ComparedParamsDocument,
  ComparedSurroundingsDocument,
  type ComparedSurroundingsQuery,
  ComparedTagsDocument,
} from '#api/generated.ts'
import { formatBytes } from '#lib/bytes.ts'
import { toInteger, toValue } from '#lib/columns.ts'
import { formatValue } from '#lib/format.ts'
import { spellCommand } from '#lib/shell.ts'
import type { Facts, Section, Value } from './rows.ts'

export const STATISTICS = ['last', 'min', 'max', 'mean'] as const
export type Statistic = (typeof STATISTICS)[number]

type Numbers = Record<Statistic, number | string | null>

/** One run, as it was fetched. */
interface Fetched {
  params: ReadonlyMap<string, Value>
  tags: ReadonlyMap<string, Value>
  metrics: ReadonlyMap<string, Numbers>
  source: ReadonlyMap<string, Value>
  environment: ReadonlyMap<string, Value>
  packages: ReadonlyMap<string, Value>
  datasets: ReadonlyMap<string, Value>
}

const [PAGE, AT_ONCE] = [500, 4]

export interface Connection<Node> {
  nodes: readonly Node[]
  pageInfo: { hasNextPage: boolean; endCursor?: string | null }
}

export async function all<Node>(
  page: (after: string | null) => Promise<Connection<Node> | undefined>,
): Promise<Node[]> {
  const nodes: Node[] = []
  let after: string | null = null
  do {
    const next: Connection<Node> | undefined = await page(after)
    nodes.push(...(next?.nodes ?? []))
    after = next?.pageInfo.hasNextPage ? (next.pageInfo.endCursor ?? null) : null
  } while (after)
  return nodes
}

async function fetchRun(id: string): Promise<Fetched> {
  const variables = (after: string | null) => ({ id, first: PAGE, after })
  const [params, tags, metrics, { run }] = await Promise.all([
    all(async (after) => (await ask(ComparedParamsDocument, variables(after))).run?.params),
    all(async (after) => (await ask(ComparedTagsDocument, variables(after))).run?.tags),
    all(async (after) => (await ask(ComparedNumbersDocument, variables(after))).run?.metrics),
    ask(ComparedSurroundingsDocument, { id }),
  ])
  return {
    params: new Map(params.map(({ key, value }) => [key, toParam(value)])),
    tags: new Map(tags.map(({ key, value }) => [key, { text: value }])),
    metrics: new Map(
      metrics.map(({ key, last, min, max, mean }) => [
        key,
        {
          last: last.value,
          min: min?.value ?? null,
          max: max?.value ?? null,
          mean: mean ?? null,
        },
      ]),
    ),
    source: toSource(run),
    environment: toEnvironment(run),
    packages: new Map(
      run?.environment?.packages.map(({ name, version }) => [name, { text: version }]),
    ),
    datasets: new Map(
      run?.datasets.map(({ context, dataset }) => [
        context ? `${dataset.name} (${context})` : dataset.name,
        { text: dataset.digest },
      ]),
    ),
  }
}

type Surroundings = ComparedSurroundingsQuery['run']

function toFacts(pairs: readonly (readonly [string, string | null | undefined])[]) {
  const facts = new Map<string, Value>()
  for (const [key, text] of pairs) if (text) facts.set(key, { text })
  return facts
}

function toSource(run: Surroundings): ReadonlyMap<string, Value> {
  const source = run?.source
  return toFacts([
    ['Commit', source?.commit ?? run?.gitCommit],
    ['Branch', source?.branch],
    ['Remote', source?.remote],
    ['State', source?.dirty == null ? null : source.dirty ? 'with changes' : 'clean'],
    ['Command', source && spellCommand([source.entryPoint, ...source.arguments])],
    ['Folder', source?.workingFolder],
  ])
}

function toEnvironment(run: Surroundings): ReadonlyMap<string, Value> {
  const found = run?.environment
  if (!found) return new Map()
  return toFacts([
    ['Python', [found.implementation, found.python].filter(Boolean).join(' ')],
    ['Platform', found.platform],
    ['Host', found.hostname],
    ['CPU', found.cpu],
    ['Cores', found.cpuCount?.toString()],
    ['Memory', found.memory == null ? null : formatBytes(toInteger(found.memory))],
    ['GPUs', found.gpus.map(({ name }) => name).join(', ')],
    ...found.variables.map(({ name, value }) => [name, value] as const),
  ])
}

function toParam(text: string): Value {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(number) ? { text, number } : { text }
}

interface ComparedFacts {
  sections: Section[]
  isLoading: boolean
  error: ApiError | null
}

export function useFacts(
  ids: readonly string[],
  turn: number,
  statistic: Statistic,
): ComparedFacts {
  const [fetched, setFetched] = useState<ReadonlyMap<string, Fetched>>(new Map())
  const [isLoading, setLoading] = useState(true)
  const [error, setError] = useState<ApiError | null>(null)
  const idKey = ids.join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: fetched again when a run has changed
  useEffect(() => {
    let isCurrent = true
    const waiting = idKey.split(',')
    const work = async () => {
      for (let id = waiting.shift(); id !== undefined && isCurrent; id = waiting.shift()) {
        const run = await fetchRun(id)
        const key = id
        if (isCurrent) setFetched((before) => new Map(before).set(key, run))
      }
    }
    setLoading(true)
    Promise.all(Array.from({ length: AT_ONCE }, work))
      .then(() => isCurrent && setError(null))
      .catch((cause) => isCurrent && setError(toApiError(cause)))
      .finally(() => isCurrent && setLoading(false))
    return () => {
      isCurrent = false
    }
  }, [idKey, turn])
  const sections = useMemo(() => toSections(fetched, statistic), [fetched, statistic])
  return { sections, isLoading, error }
}

function toSections(fetched: ReadonlyMap<string, Fetched>, statistic: Statistic): Section[] {
  const pick = (of: (run: Fetched) => ReadonlyMap<string, Value>): Facts =>
    new Map([...fetched].map(([id, run]) => [id, of(run)]))
  return [
    { name: 'Params', facts: pick((run) => run.params) },
    { name: 'Metrics', facts: pick((run) => toNumbers(run.metrics, statistic)) },
    { name: 'Tags', facts: pick((run) => run.tags) },
    { name: 'Datasets', facts: pick((run) => run.datasets) },
    { name: 'Source', facts: pick((run) => run.source) },
    { name: 'Environment', facts: pick((run) => run.environment) },
    { name: 'Packages', facts: pick((run) => run.packages) },
  ]
}

function toNumbers(
  metrics: ReadonlyMap<string, Numbers>,
  statistic: Statistic,
): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>()
  for (const [key, numbers] of metrics) {
    const value = numbers[statistic]
    if (value === null) continue
    const number = toValue(value)
    values.set(key, { text: formatValue(number), number, exact: String(value) })
  }
  return values
}
