// Whether the server is there: what the WebSocket knows, told to every page.
import { useSyncExternalStore } from 'react'

export interface Connection {
  status: 'connecting' | 'live' | 'lost'
  /** When the server was last heard: until then the shown data is true. */
  heardAt: number
  /** Counts up whenever the server is back: what pages fetch again then. */
  epoch: number
}

let connection: Connection = { status: 'connecting', heardAt: Date.now(), epoch: 0 }
// Kept apart, so that each message heard does not wake every page.
let heardAt = Date.now()
const listeners = new Set<() => void>()

export function heard(): void {
  heardAt = Date.now()
}

export function connected(): void {
  heard()
  const back = connection.status === 'lost'
  update({ status: 'live', heardAt, epoch: connection.epoch + (back ? 1 : 0) })
}

export function disconnected(): void {
  if (connection.status !== 'lost') update({ ...connection, status: 'lost', heardAt })
}

export function getConnection(): Connection {
  return connection
}

export function subscribeConnection(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribeConnection, getConnection)
}

function update(next: Connection): void {
  connection = next
  for (const listener of [...listeners]) listener()
}
