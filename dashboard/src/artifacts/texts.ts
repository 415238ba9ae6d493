// The text of an artifact, as much of it as a page shows.
import { ApiError } from '#api/errors.ts'
import { bytesUrl } from './kinds.ts'

/** Of longer texts the beginning is shown. */
export const MOST_TEXT = 4_000_000

export interface Found {
  text: string
  /** Bytes of the whole. */
  size: number
  isCut: boolean
}

export async function fetchText(runId: string, path: string, signal: AbortSignal): Promise<Found> {
  const response = await fetchBytes(bytesUrl(runId, path), signal, {
    range: `bytes=0-${MOST_TEXT - 1}`,
  })
  const bytes = new Uint8Array(await response.arrayBuffer())
  const whole = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
  const size = Number(whole ?? bytes.length)
  const isCut = size > bytes.length
  const text = new TextDecoder().decode(bytes)
  // A cut in the midst of a line would show half of it.
  const end = isCut ? text.lastIndexOf('\n') + 1 || text.length : text.length
  return { text: text.slice(0, end), size, isCut }
}

export async function fetchBytes(
  url: string,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { signal, headers })
  } catch (cause) {
    if (signal.aborted) throw cause
    throw new ApiError('NETWORK', 'The server does not answer.')
  }
  // An empty file satisfies no range.
  if (response.status === 416) return new Response('')
  if (!response.ok) throw await toError(response)
  return response
}

async function toError(response: Response): Promise<ApiError> {
  try {
    const { errors } = (await response.json()) as {
      errors: [{ message: string; extensions?: { code?: string } }]
    }
    return new ApiError(errors[0].extensions?.code ?? 'INTERNAL', errors[0].message)
  } catch {
    return new ApiError('INTERNAL', `The server answered ${response.status}.`)
  }
}
