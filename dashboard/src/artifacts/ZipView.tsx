// What is in a zip, without fetching it.
import { type ReactElement, useEffect, useState } from 'react'
import { type ApiError, toApiError } from '#api/errors.ts'
import { formatBytes } from '#lib/bytes.ts'
import { formatCount } from '#lib/format.ts'
import { Lines } from '#ui/Lines.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { bytesUrl } from './kinds.ts'
import { fetchBytes } from './texts.ts'
import { listZip, type Member } from './zips.ts'

interface ZipViewProps {
  runId: string
  path: string
}

export default function ZipView({ runId, path }: ZipViewProps): ReactElement {
  const [members, setMembers] = useState<Member[] | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    const request = new AbortController()
    const url = bytesUrl(runId, path)
    listZip(async (start, end) => {
      const range = start < 0 ? `bytes=${start}` : `bytes=${start}-${(end ?? 0) - 1}`
      const response = await fetchBytes(url, request.signal, { range })
      const bytes = new Uint8Array(await response.arrayBuffer())
      const whole = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
      return { bytes, size: Number(whole ?? bytes.length) }
    })
      .then(setMembers)
      .catch((cause) => request.signal.aborted || setError(toApiError(cause)))
    return () => request.abort()
  }, [runId, path])
  if (error) return <Notice title="The archive could not be listed" trouble={error} />
  if (!members) return <Skeleton rows={8} height={14} />
  const size = members.reduce((sum, member) => sum + member.size, 0)
  return (
    <div className="zip-view">
      <Lines
        count={members.length}
        rowPx={24}
        label={`Files in ${path}`}
        className="zip-lines"
        line={(index) => {
          const member = members[index]
          return (
            member && (
              <div key={member.name} className="zip-row">
                <span className="clip" title={member.name}>
                  {member.name}
                </span>
                <span className="muted tabular">{formatBytes(member.size)}</span>
              </div>
            )
          )
        }}
      />
      <p className="muted view-note tabular">
        {formatCount(members.length)} {members.length === 1 ? 'file' : 'files'}, {formatBytes(size)}{' '}
        unpacked
      </p>
    </div>
  )
}
