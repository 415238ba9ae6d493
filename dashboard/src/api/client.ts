// The ways to the server: ask, listen and, for pages, urql's hooks on the same client.
import {
  type AnyVariables,
  Client,
  cacheExchange,
  fetchExchange,
  stringifyDocument,
  type TypedDocumentNode,
} from '@urql/core'
import { createClient } from 'graphql-ws'
import { connected, disconnected, heard } from './connection.ts'
import { ApiError, toApiError } from './errors.ts'

const address = new URL('/graphql', location.href)

/** The whole reply at once: urql aborts a request when it has its result, read or not. */
async function fetchWhole(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  const { status, statusText, headers } = response
  return new Response(await response.text(), { status, statusText, headers })
}

export const client = new Client({
  url: address.href,
  fetch: fetchWhole,
  exchanges: [cacheExchange, fetchExchange],
  preferGetMethod: false,
  requestPolicy: 'cache-and-network',
})

// Tables and curves are kept by those who draw them; a cache would keep every page of them for ever.
const uncached = new Client({
  url: address.href,
  fetch: fetchWhole,
  exchanges: [fetchExchange],
  preferGetMethod: false,
  requestPolicy: 'network-only',
})

/** Runs a query or mutation once; its data, or an ApiError. */
export async function ask<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Data> {
  const result = await uncached
    .query(document, variables, signal ? { fetchOptions: { signal } } : {})
    .toPromise()
  if (result.error) throw toApiError(result.error)
  if (!result.data) throw new ApiError('INTERNAL', 'The server’s answer held no data.')
  heard()
  return result.data
}

export async function change<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const result = await client.mutation(document, variables).toPromise()
  if (result.error) throw toApiError(result.error)
  if (!result.data) throw new ApiError('INTERNAL', 'The server’s answer held no data.')
  return result.data
}

const PING_MS = 5_000

let pongTimeout: ReturnType<typeof setTimeout> | undefined
let activeSocket: WebSocket | null = null

const socket = createClient({
  url: Object.assign(new URL(address), {
    protocol: address.protocol === 'https:' ? 'wss:' : 'ws:',
  }).href,
  lazy: false,
  keepAlive: PING_MS,
  connectionAckWaitTimeout: PING_MS,
  retryAttempts: Number.POSITIVE_INFINITY,
  shouldRetry: () => true,
  retryWait: (retries) => wait(Math.min(3_000, 200 * 2 ** retries) * (0.75 + Math.random() / 2)),
  onNonLazyError: () => disconnected(),
  on: {
    connected: (opened) => {
      activeSocket = opened instanceof WebSocket ? opened : null
      connected()
    },
    closed: () => {
      clearTimeout(pongTimeout)
      disconnected()
    },
    message: heard,
    ping: (received) => {
      if (received) return
      // A server that is gone without closing, as after a lost network, answers no ping.
      pongTimeout = setTimeout(() => activeSocket?.close(4408, 'No answer'), PING_MS)
    },
    pong: (received) => {
      if (received) clearTimeout(pongTimeout)
    },
  },
})

export interface Listener<Data> {
  next(data: Data): void
  failed(error: ApiError): void
}

/**
 * Subscribes for as long as wanted, over every disconnect. The variables are asked for again at
 * each (re)connection, so that a stream resumes where it then stands.
 */
export function listen<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: () => Variables,
  listener: Listener<Data>,
): () => void {
  let stop: (() => void) | null = null
  let stopped = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  const again = () => {
    if (stopped) return
    timer = setTimeout(start, Math.min(10_000, 500 * 2 ** failures++))
  }
  const start = () => {
    stop = socket.subscribe<Data>(
      {
        query: stringifyDocument(document),
        get variables() {
          return variables() as Record<string, unknown>
        },
      },
      {
        next: (message) => {
          if (message.errors?.length) listener.failed(toApiError(message.errors))
          if (!message.data) return
          failures = 0
          listener.next(message.data)
        },
        error: (cause) => {
          listener.failed(toApiError(cause))
          again()
        },
        complete: again,
      },
    )
  }
  start()
  return () => {
    stopped = true
    clearTimeout(timer)
    stop?.()
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A request as text to paste into GraphiQL. */
export function documentText<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): string {
  const lines = JSON.stringify(variables, null, 2).split('\n')
  return `${stringifyDocument(document)}\n\n# Variables\n${lines.map((line) => `# ${line}`).join('\n')}\n`
}
