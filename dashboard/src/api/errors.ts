// One kind of error for everything that can go wrong between a page and the server.
import { CombinedError } from '@urql/core'
import type { GraphQLError } from 'graphql'

export type Code =
  | 'INVALID_INPUT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'RUN_DELETED'
  | 'COST_LIMIT'
  | 'FORBIDDEN'
  | 'UNAVAILABLE'
  | 'INTERNAL'
  | 'NETWORK'

export class ApiError extends Error {
  readonly code: string
  /** The id under which the server's log has an internal error. */
  readonly id: string | null

  constructor(code: string, message: string, id: string | null = null) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.id = id
  }

  /** What a person can do about it. */
  get remedy(): string {
    switch (this.code) {
      case 'NETWORK':
        return 'Check that the server runs. This page reconnects by itself.'
      case 'UNAVAILABLE':
        return 'Try again in a moment.'
      case 'NOT_FOUND':
        return 'It may have been deleted, or the address is not complete.'
      case 'COST_LIMIT':
        return 'Ask for less: fewer runs, metrics or columns at a time.'
      case 'FORBIDDEN':
        return 'Open the dashboard at the address the server printed.'
      case 'INTERNAL':
        return 'The server’s log has the details under this id.'
      default:
        return 'Reload the page; if it stays, report it with the code below.'
    }
  }
}

export function toApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause
  if (cause instanceof CombinedError) {
    const first = cause.graphQLErrors[0]
    if (first) return fromGraphQL(first)
    return new ApiError('NETWORK', 'The server does not answer.')
  }
  if (Array.isArray(cause) && cause[0] && typeof cause[0] === 'object' && 'message' in cause[0]) {
    return fromGraphQL(cause[0] as GraphQLError)
  }
  return new ApiError('NETWORK', cause instanceof Error ? cause.message : 'The connection closed.')
}

function fromGraphQL(error: Pick<GraphQLError, 'message' | 'extensions'>): ApiError {
  const { code, id } = error.extensions ?? {}
  return new ApiError(
    typeof code === 'string' ? code : 'INTERNAL',
    error.message,
    typeof id === 'string' ? id : null,
  )
}
