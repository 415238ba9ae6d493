// The keys that an experiment's runs use, fetched page by page.
import { useCallback, useEffect, useRef, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  type KeyKind,
  RunKeysDocument,
  type RunKeysQuery,
  type RunKeysQueryVariables,
} from '#api/generated.ts'

const PAGE = 500
const MOST = 20_000

/** All keys of a kind, or the first `most` of them. */
export async function fetchKeys(
  id: string,
  kind: KeyKind,
  search = '',
  most = MOST,
): Promise<string[]> {
  const keys: string[] = []
  let after: string | null = null
  do {
    const variables: RunKeysQueryVariables = {
      experimentIds: [id],
      kind,
      search: search || null,
      first: Math.min(PAGE, most),
      after,
    }
    const { runKeys }: RunKeysQuery = await ask(RunKeysDocument, variables)
    keys.push(...runKeys.nodes.map(({ key }) => key))
    after = runKeys.pageInfo.hasNextPage ? (runKeys.pageInfo.endCursor ?? null) : null
  } while (after && keys.length < most)
  return keys
}

interface Keys {
  keys: string[] | undefined
  error: ApiError | null
  /** Asks again, at most every few seconds: a run may have logged under a new key. */
  refresh(): void
}

const REFRESH_MS = 2_000

export function useKeys(id: string, kind: KeyKind, most?: number): Keys {
  const [keys, setKeys] = useState<string[]>()
  const [error, setError] = useState<ApiError | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const load = useCallback(async () => {
    try {
      const found = await fetchKeys(id, kind, '', most)
      setError(null)
      setKeys((before) => (before?.join('\n') === found.join('\n') ? before : found))
    } catch (cause) {
      setError(toApiError(cause))
    }
  }, [id, kind, most])
  useEffect(() => {
    setKeys(undefined)
    void load()
    return () => {
      clearTimeout(timer.current)
      timer.current = undefined
    }
  }, [load])
  const refresh = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      void load()
    }, REFRESH_MS)
  }, [load])
  return { keys, error, refresh }
}
